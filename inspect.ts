/** What consoles show of a value. */

/** Of Deno's `console.log` and `Deno.inspect`; of Node's, `util.inspect` and Bun's. */
const METHODS = [
  Symbol.for("Deno.customInspect"),
  Symbol.for("nodejs.util.inspect.custom"),
];

/**
 * Has consoles show of the instances of a class what `describe` says.
 *
 * A class calls it in a static block, for what `describe` asks of an instance is private.
 */
export function showAs<T extends object>(
  prototype: T,
  describe: (value: T) => string,
): void {
  function show(this: T): string {
    try {
      return describe(this);
    } catch {
      return Object.prototype.toString.call(this); // the prototype itself, or a proxy of an instance
    }
  }
  for (const method of METHODS) {
    const descriptor = { value: show, configurable: true, writable: true };
    Object.defineProperty(prototype, method, descriptor);
  }
}
