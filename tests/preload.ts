/**
 * Opens the libraries before the examples in the docs run as tests: Deno's sanitizer takes a library that is first
 * opened inside a test for a leak.
 */
import { errno } from "../ffi.ts";
import { getpid } from "../posix.ts";

errno();
getpid();
