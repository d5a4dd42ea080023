/** What an argument that holds options may be, and how messages show what it is. */

/**
 * Throws unless `value` is an object that may hold these options.
 *
 * An option that is mistyped, or an argument that is no object, would otherwise do nothing in silence. What the options
 * themselves are is for the caller to check.
 *
 * @param name The argument's name, for the message.
 * @param example An object with every option there is and a value for each; the message shows the first of them.
 * @param sample What the message shows instead.
 */
export function checkOptions(
  name: string,
  value: unknown,
  example: object,
  sample?: string,
): void {
  if (!isRecord(value) || isOfOtherKind(value, example)) {
    const wanted = `an object such as ${sample ?? sampleOf(example)}`;
    throw new TypeError(`${name} must be ${wanted}, got ${shown(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(example, key)) continue;
    const known = Object.keys(example);
    throw new TypeError(
      `unknown option ${JSON.stringify(key)}: there ${
        known.length === 1 ? "is" : "are"
      } only ${known.join(", ")}`,
    );
  }
}

/** What an argument with options has, once {@linkcode checkOptions} let it pass; nothing where it is left out. */
export function optionsOf<T extends object>(
  options: T | undefined,
  example: object,
): Partial<T> {
  if (options === undefined) return {};
  checkOptions("options", options, example);
  return options;
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An AbortSignal, say, or a Date: an instance of some class that has none of the options, not even as accessors. */
function isOfOtherKind(value: object, example: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype &&
    !Object.keys(example).some((key) => key in value);
}

function sampleOf(example: object): string {
  const [[key, value]] = Object.entries(example);
  return `{ ${key}: ${shown(value)} }`;
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : shownObject(value);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

/** Some of the value's own code may run, and throw what does not belong into a message. */
function shownObject(value: object): string {
  try {
    if (!Array.isArray(value)) return Object.prototype.toString.call(value);
    return value.length === 0 ? "an empty array" : "an array";
  } catch {
    return "an object";
  }
}
