/* The pairs over libkqueue. `libkqueue ACTIVE IDLE` */
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../frame/peer.h"

#define CAPACITY 1024

static int kq;
static int active;
static int *writers;
static struct kevent events[CAPACITY];

static void work(int count) {
  char bytes[64] = {0};
  while (count-- > 0) {
    for (int index = 0; index < active; index++) {
      must(write(writers[index], bytes, 10) == 10, "write");
    }
    for (int left = active; left > 0;) {
      int found = kevent(kq, NULL, 0, events, CAPACITY, NULL);
      for (int index = 0; index < found; index++) {
        must(read(events[index].ident, bytes, sizeof bytes) == 10, "read");
      }
      left -= found;
    }
  }
}

int main(int argc, char **argv) {
  must(argc == 3, "two numbers");
  active = atoi(argv[1]);
  int pairs = active + atoi(argv[2]);
  writers = calloc(pairs, sizeof *writers);
  kq = kqueue();
  for (int index = 0; index < pairs; index++) {
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    struct kevent change;
    EV_SET(&change, pair[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
    must(kevent(kq, &change, 1, NULL, 0, NULL) == 0, "kevent");
    writers[index] = pair[1];
  }
  serve(work);
}
