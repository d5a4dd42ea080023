/* The pairs over nothing but epoll: the floor. `epoll ACTIVE IDLE` */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../frame/peer.h"

#define CAPACITY 1024

static int epfd;
static int active;
static int *writers;
static struct epoll_event events[CAPACITY];

static void work(int count) {
  char bytes[64] = {0};
  while (count-- > 0) {
    for (int index = 0; index < active; index++) {
      must(write(writers[index], bytes, 10) == 10, "write");
    }
    for (int left = active; left > 0;) {
      int found = epoll_wait(epfd, events, CAPACITY, -1);
      for (int index = 0; index < found; index++) {
        must(read(events[index].data.fd, bytes, sizeof bytes) == 10, "read");
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
  epfd = epoll_create1(0);
  for (int index = 0; index < pairs; index++) {
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[0]};
    must(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], &event) == 0, "epoll_ctl");
    writers[index] = pair[1];
  }
  serve(work);
}
