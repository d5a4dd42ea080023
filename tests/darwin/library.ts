/** The environment variable that names the built stand-in; the test runner sets it. */
export const DARWIN_LIBRARY_VARIABLE = "KQUEUE_DARWIN_LIBRARY";

/**
 * Where the stand-in for macOS's libSystem is, or why the tests over it are skipped. Asks for no
 * permission: a run with `--allow-ffi` alone skips them.
 */
export function darwinLibrary(): { path: string } | { skip: string } {
  const variable = DARWIN_LIBRARY_VARIABLE;
  if (
    Deno.permissions.querySync({ name: "env", variable }).state !== "granted"
  ) {
    return {
      skip:
        `the variable ${variable} cannot be read without --allow-env=${variable}`,
    };
  }
  const path = Deno.env.get(variable);
  if (path === undefined || path === "") {
    return {
      skip:
        `the variable ${variable} does not name the library that tests/darwin/build.ts builds`,
    };
  }
  return { path };
}
