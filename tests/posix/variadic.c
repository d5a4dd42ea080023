/*
 * fcntl as C has it, a variadic function, and as posix/symbols.ts declares it for both architectures of macOS: each is
 * called with flags, and each takes them. variadic_test.ts compares what clang makes of these.
 */

int variadic(int fd, int command, ...);
int on_stack(int fd, int command, int a, int b, int c, int d, int e, int f,
             long long flags);
int plain(int fd, int command, long long flags);

int call_variadic(int fd, int command, long long flags) {
  return variadic(fd, command, flags) + 1;
}

int call_on_stack(int fd, int command, long long flags) {
  return on_stack(fd, command, 0, 0, 0, 0, 0, 0, flags) + 1;
}

int call_plain(int fd, int command, long long flags) {
  return plain(fd, command, flags) + 1;
}

long long take_variadic(int fd, int command, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, command);
  long long flags = __builtin_va_arg(list, long long);
  __builtin_va_end(list);
  return flags;
}

long long take_on_stack(int fd, int command, int a, int b, int c, int d, int e,
                        int f, long long flags) {
  return flags;
}
