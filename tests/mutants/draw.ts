/** Random samples. */

/** So many of all, spread evenly, so that a file gets its share by its size; in a random order. */
export function draw<T>(
  all: readonly T[],
  count: number,
  seed: number,
): T[] {
  if (all.length <= count) return [...all];
  const random = randomNumbers(seed);
  const stretch = all.length / count;
  const drawn = Array.from({ length: count }, (_, index) => {
    const place = Math.floor((index + random()) * stretch);
    return all.slice(place, place + 1);
  }).flat();
  return drawn
    .map((item) => ({ item, key: random() }))
    .sort((one, other) => one.key - other.key)
    .map(({ item }) => item);
}

/** Numbers from 0 to 1, the same for the same seed: a Weyl sequence whose bits are mixed. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
