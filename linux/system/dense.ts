/**
 * Stores a value in an array by a descriptor's number. What lies before it is filled: V8 keeps an array with a wide gap as
 * a dictionary, in which the loop that collects events would look up each watcher.
 */
export function storeAt<T>(
  array: (T | undefined)[],
  index: number,
  value: T,
): void {
  while (array.length < index) array.push(undefined);
  array[index] = value;
}
