/*
 * What bench/engine.ts does, over libkqueue: `libkqueue ready N` collects the events of N sockets that are ready,
 * `libkqueue change` adds a watcher and deletes it.
 */
#include <string.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../frame/peer.h"

#define CAPACITY 1024

static int kq;
static int watched;
static int ready;
static struct kevent events[CAPACITY];
static volatile long sum;

static void change(int fd, unsigned short flags) {
  struct kevent change;
  EV_SET(&change, fd, EVFILT_READ, flags, 0, 0, NULL);
  must(kevent(kq, &change, 1, NULL, 0, NULL) == 0, "kevent");
}

static void collect(int count) {
  const struct timespec at_once = {0, 0};
  while (count-- > 0) {
    int found = kevent(kq, NULL, 0, events, CAPACITY, &at_once);
    must(found == ready, "kevent");
    for (int index = 0; index < found; index++) sum += events[index].data;
  }
}

static void add_and_delete(int count) {
  while (count-- > 0) {
    change(watched, EV_ADD);
    change(watched, EV_DELETE);
  }
}

int main(int argc, char **argv) {
  kq = kqueue();
  must(kq != -1, "kqueue");
  if (argc == 3 && strcmp(argv[1], "ready") == 0) {
    ready = atoi(argv[2]);
    for (int index = 0; index < ready; index++) {
      int pair[2];
      must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
      must(write(pair[1], "0123456789", 10) == 10, "write");
      change(pair[0], EV_ADD);
    }
    serve(collect);
  } else {
    int pair[2];
    must(pipe(pair) == 0, "pipe");
    watched = pair[0];
    serve(add_and_delete);
  }
}
