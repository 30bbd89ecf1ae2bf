"""Runs the same work in several threads at once, and tells what went wrong in any."""

import random
import sys
import threading
import time

import zbuf

# What a thread may see because another one was quicker: never a memory error,
# and nothing else.
TOO_LATE = (zbuf.ZbufError, ValueError, IndexError, EOFError, BufferError, OverflowError)


class Turns:
    """How long workers go on: a number of turns each, or until a time."""

    def __init__(self, number=None, seconds=None):
        self.number, self.end = number, None if seconds is None else time.monotonic() + seconds

    def __iter__(self):
        done = 0
        while (done < self.number) if self.end is None else (time.monotonic() < self.end):
            yield done
            done += 1


def together(turns, seed, *workers):
    """Calls worker(random, turns) in a thread for each; raises what one of them did."""
    start, failures = threading.Barrier(len(workers)), []

    def run(worker, number):
        start.wait()
        try:
            worker(random.Random(f"{seed} {number}"), turns)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(worker, number)) for number, worker in enumerate(workers)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    if failures:
        raise failures[0]


def any_of(operations):
    """A worker that does one of these each turn; another thread may have been quicker."""

    def worker(random, turns):
        for _ in turns:
            try:
                random.choice(operations)(random)
            except TOO_LATE:
                pass

    return worker
