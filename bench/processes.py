# SPDX-License-Identifier: MIT
"""Benchmarks 7 to 10 in Python, with multiprocessing and its fork method. Prints "NAME FIGURE" lines.

    processes.py pipe TRIPS SIZE MESSAGES MESSAGE_SIZE        trip and stream: nanoseconds of one message
    processes.py queue ITEMS SIZE PRODUCERS CONSUMERS         items a second
    processes.py lock ADDITIONS                               nanoseconds of one addition to a value under its lock
    processes.py start STARTS                                 nanoseconds of one start and join
"""
import multiprocessing
import os
import sys
import time

context = multiprocessing.get_context("fork")


def echo(end, cpus):
    os.sched_setaffinity(0, {cpus[-1]})
    try:
        while True:
            end.send_bytes(end.recv_bytes())
    except EOFError:
        pass


def swallow(end, count, cpus):
    os.sched_setaffinity(0, {cpus[-1]})
    for _ in range(2):
        for _ in range(count):
            end.recv_bytes()
        end.send_bytes(b"x")


def pipe(trips, size, messages, message_size):
    cpus = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {cpus[0]})
    ours, theirs = context.Pipe()
    context.Process(target=echo, args=(theirs, cpus), daemon=True).start()
    item = b"x" * size
    for count in (100, trips):
        begin = time.perf_counter_ns()
        for _ in range(count):
            ours.send_bytes(item)
            ours.recv_bytes()
        spent = time.perf_counter_ns() - begin
    print("trip", spent / trips)
    ours, theirs = context.Pipe()
    context.Process(target=swallow, args=(theirs, messages, cpus), daemon=True).start()
    item = b"x" * message_size
    for _ in range(2):
        begin = time.perf_counter_ns()
        for _ in range(messages):
            ours.send_bytes(item)
        ours.recv_bytes()
        spent = time.perf_counter_ns() - begin
    print("stream", spent / messages)


def produce(queue, line, items, size):
    item = b"x" * size
    line.wait()
    for _ in range(items):
        queue.put(item)


def consume(queue, line):
    line.wait()
    while queue.get() is not None:
        pass


def queue(items, size, producers, consumers):
    shared = context.Queue()
    line = context.Barrier(producers + consumers + 1)
    givers = [context.Process(target=produce, args=(shared, line, items // producers, size)) for _ in range(producers)]
    takers = [context.Process(target=consume, args=(shared, line)) for _ in range(consumers)]
    for process in givers + takers:
        process.start()
    line.wait()
    begin = time.perf_counter_ns()
    for process in givers:
        process.join()
    for _ in takers:
        shared.put(None)
    for process in takers:
        process.join()
    print("items", items // producers * producers * 1e9 / (time.perf_counter_ns() - begin))


def lock(additions):
    value = context.Value("q")
    begin = time.perf_counter_ns()
    for _ in range(additions):
        with value.get_lock():
            value.value += 1
    print("add", (time.perf_counter_ns() - begin) / additions)


def nothing():
    pass


def start(starts):
    for count in (10, starts):
        begin = time.perf_counter_ns()
        for _ in range(count):
            process = context.Process(target=nothing)
            process.start()
            process.join()
            process.close()
        spent = time.perf_counter_ns() - begin
    print("start", spent / starts)


if __name__ == "__main__":
    {"pipe": pipe, "queue": queue, "lock": lock, "start": start}[sys.argv[1]](*map(int, sys.argv[2:]))
