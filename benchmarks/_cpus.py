"""Who runs where: what is measured on the first processor, who makes it work on the last."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

CPUS = sorted(os.sched_getaffinity(0))


def pin(pid: int, cpu: int) -> None:
    """All threads of a process to one processor."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):    # a thread that has just ended
            os.sched_setaffinity(int(thread.name), {cpu})


@contextlib.contextmanager
def on_the_first() -> Iterator[None]:
    """This thread, meanwhile."""
    os.sched_setaffinity(0, {CPUS[0]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CPUS)
