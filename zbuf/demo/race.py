"""One way, run once: a receiver, a sender, and someone who watches the clock."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zbuf.demo.frames import CLOSED, DemoError, Plan

Progress = Callable[[int], None]


class Child:
    """A process of ours that is told a plan and says lines of JSON."""

    def __init__(self, module: str, *args: str) -> None:
        self.name = module.rpartition(".")[2]
        self._said = b""
        # A group of its own: Ctrl-C is for us, and we end the others.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, process_group=0,
        )

    def tell(self, plan: Plan) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        rest = memoryview(plan.to_json().encode())
        try:
            while rest:
                rest = rest[stdin.write(rest) :]
            stdin.close()  # not if we are interrupted: half a plan is none
        except BrokenPipeError:
            pass  # it has died; what it said or did not say tells the rest

    def fileno(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def heard(self) -> tuple[list[dict[str, Any]], bool]:
        """Read what it has said; the lines that are whole, and whether it has ended."""
        got = os.read(self.fileno(), 1 << 16)
        *lines, self._said = (self._said + got).split(b"\n")
        return [json.loads(line) for line in lines], not got

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def child(module: str, *args: str) -> Iterator[Child]:
    """A process that does not outlive the block, whatever happens in it."""
    started = Child(module, *args)
    try:
        yield started
    finally:
        started.end()


def next_line(who: Child, patience: float) -> dict[str, Any]:
    """Wait for one line; REQUIRES: no more than one is on its way."""
    deadline = time.monotonic() + patience
    with selectors.DefaultSelector() as ready:
        ready.register(who, selectors.EVENT_READ)
        while ready.select(deadline - time.monotonic()):
            lines, ended = who.heard()
            if lines:
                return lines[0]
            if ended:
                raise DemoError(f"the {who.name} died before it was ready")
    raise DemoError(f"the {who.name} was not ready within {patience:g} seconds")


def run(way: str, plan: Plan, progress: Progress, sender: str = "zbuf.demo.sender") -> dict[str, Any]:
    """Send the plan in one way of the module `sender`; what it measured.

    Raises: DemoError, with both processes ended, for what either of them says
            is wrong, for one that dies, and if nothing moves for plan.patience
            seconds.
    """
    with child("zbuf.demo.receiver") as receiver:
        receiver.tell(plan)
        first = next_line(receiver, plan.patience)
        if "port" not in first:
            raise DemoError(f"the receiver failed: {first['error']}")
        with child(sender, way, str(first["port"])) as sending:
            sending.tell(plan)
            return watch(sending, receiver, plan, progress)


def watch(sender: Child, receiver: Child, plan: Plan, progress: Progress) -> dict[str, Any]:
    """Listen to both until both have ended, or the sender has failed by itself."""
    heard: dict[Child, dict[str, Any]] = {sender: {}, receiver: {}}
    with selectors.DefaultSelector() as ready:
        for who in heard:
            ready.register(who, selectors.EVENT_READ)
        while ready.get_map():
            for who in ready_now(ready, plan.patience):
                lines, ended = who.heard()
                for line in lines:
                    heard[who].update(line)
                    progress(heard[receiver].get("received", 0))
                if ended:
                    ready.unregister(who)
                    if who is sender:
                        check_sender(heard[sender])
    return verdict(heard[sender], heard[receiver])


def ready_now(ready: selectors.BaseSelector, patience: float) -> Iterator[Child]:
    events = ready.select(patience)
    if not events:
        raise DemoError(f"nothing moved for {patience:g} seconds")
    for key, _ in events:
        assert isinstance(key.fileobj, Child)
        yield key.fileobj


def check_sender(said: dict[str, Any]) -> None:
    """A sender that has ended has a result, or a reason; the receiver may know a better one."""
    if not said:
        raise DemoError("the sender died")
    if "error" in said and not said["error"].startswith(CLOSED):
        raise DemoError(said["error"])


def verdict(sender: dict[str, Any], receiver: dict[str, Any]) -> dict[str, Any]:
    if "error" in receiver:
        raise DemoError(f"the receiver found: {receiver['error']}")
    if "error" in sender:
        raise DemoError(sender["error"])
    if not receiver.get("verified"):
        raise DemoError("the receiver died")
    return sender
