/* A peer's side of the frame: a line with a count comes in, a line with nanoseconds of CPU time goes out. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long cpu_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Ends the program where what should hold does not. */
static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

/* Takes turns until there is no more input. */
static void serve(void (*work)(int count)) {
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long long start = cpu_time();
    work(atoi(line));
    printf("%lld\n", cpu_time() - start);
    fflush(stdout);
  }
}
