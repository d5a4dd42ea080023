/*
 * The floor: an HTTP server over bare epoll that parses nothing. It counts the
 * empty lines that end a head, and sends the same answer for each.
 *
 *     cc -O2 -o epoll epoll.c && ./epoll PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1024, INPUT = 65536, ANSWER = 256, MAX_FD = 65536 };

static char input[INPUT];
static char output[INPUT / 4 * ANSWER];
/* How much of the empty line each connection has sent. */
static unsigned char seen[MAX_FD];

static size_t make_answer(char *answer) {
	static time_t second;
	static size_t length;
	time_t now = time(NULL);
	if (now != second) {
		char date[64];
		second = now;
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
		         gmtime(&now));
		length = snprintf(answer, ANSWER,
		                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		                  "Content-Length: 13\r\nDate: %s\r\n\r\n"
		                  "Hello, World!", date);
	}
	return length;
}

static void serve(int fd) {
	static char answer[ANSWER];
	ssize_t count = recv(fd, input, sizeof input, 0);
	size_t length = make_answer(answer), size = 0;
	unsigned char state = seen[fd];
	if (count <= 0) {
		close(fd);
		return;
	}
	for (ssize_t at = 0; at < count; at++) {
		char wanted = state % 2 == 0 ? '\r' : '\n';
		state = input[at] == wanted ? state + 1 : input[at] == '\r';
		if (state < 4) continue;
		memcpy(output + size, answer, length);
		size += length;
		state = 0;
	}
	seen[fd] = state;
	if (size > 0 && send(fd, output, size, MSG_NOSIGNAL) < 0) close(fd);
}

int main(int argc, char **argv) {
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int queue = epoll_create1(EPOLL_CLOEXEC);
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct epoll_event event = { .events = EPOLLIN }, events[EVENTS];

	address.sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 4096) != 0) {
		perror("listen");
		return 1;
	}
	event.data.fd = listener;
	epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int count = epoll_wait(queue, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd != listener) {
				serve(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK |
			                     SOCK_CLOEXEC)) >= 0) {
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				seen[fd % MAX_FD] = 0;
				event.data.fd = fd;
				epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
			}
		}
	}
}
