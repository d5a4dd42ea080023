"""The pairs on Python's select.epoll: `python3 epoll.py ACTIVE IDLE`."""

import os
import select
import socket
import sys
import time

active, idle = map(int, sys.argv[1:])
MESSAGE = bytes(10)

epoll = select.epoll()
pairs = [socket.socketpair() for _ in range(active + idle)]
for reader, _ in pairs:
    epoll.register(reader.fileno(), select.EPOLLIN)
writers = [writer.fileno() for _, writer in pairs[:active]]


def work(count):
    read, write, poll = os.read, os.write, epoll.poll
    for _ in range(count):
        for writer in writers:
            write(writer, MESSAGE)
        left = active
        while left > 0:
            events = poll(-1, 1024)
            for fd, _ in events:
                read(fd, 64)
            left -= len(events)


for line in sys.stdin:
    start = time.process_time_ns()
    work(int(line))
    print(time.process_time_ns() - start, flush=True)
