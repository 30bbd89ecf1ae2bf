"""OutboundBuffer against a model: one string of all bytes that were written, how many have gone, and what the peer got.

Owners of memory that has gone, arguments, signal handlers, the collector and
on_writable come back to the queue in the middle of its operations.
"""

import gc
import socket
import tempfile

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import zbuf
from foreign import WAYS, Foreign
from kinds import live_blocks

HIGH, LOW = 9000, 3000
BYTES = bytes(range(251))
SIZES = st.one_of(st.integers(0, 50), st.integers(2000, 5000))
KINDS = st.sampled_from(("bytes", "bytearray", "owned", "buffer", "composite", "region"))
DEEDS = st.sampled_from(("write", "write much", "flush", "cancel", "receive", "close"))


class Queues(Foreign, RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.blocks = live_blocks()
        self.file = tempfile.TemporaryFile()
        self.file.write(bytes(range(256)) * 20)
        self.file.flush()
        self.seed, self.writing = 0, False

    def teardown(self):
        self.deed = None
        self.end()
        self.file.close()
        if live_blocks() != self.blocks:
            gc.collect()
        assert live_blocks() == self.blocks

    def possible(self):
        return True

    @initialize()
    def begin(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.told = [True]
        self.queue = zbuf.OutboundBuffer(high=HIGH, low=LOW, on_writable=self.turned)
        self.written, self.sent, self.got = b"", 0, b""

    def end(self):
        self.queue.close()
        self.ours.close()
        self.receive()
        self.theirs.close()

    def turned(self, writable):
        self.told.append(writable)
        if self.way == "turn":
            self.do_deed()

    def attempt(self, call, *args, flushing=False):
        """Calls; a queue that foreign code closes meanwhile is made anew."""
        queue = self.queue
        try:
            return self.collecting(call, *args)
        except zbuf.ReleasedError:
            assert queue.closed
        except RuntimeError as error:
            assert self.within and "under way" in str(error), error
        return None

    # -- in

    def some(self, n):
        self.seed += 1
        return (BYTES * (n // 251 + 2))[self.seed % 251 :][:n]

    @rule(n=SIZES, kind=KINDS)
    def write(self, n, kind):
        if self.queue.closed:
            return
        content = self.some(n)
        if kind == "region":
            content = (bytes(range(256)) * 20)[n : n + n // 2]
            data = zbuf.FileRegion(self.file, n, len(content))
        else:
            data = {"bytes": bytes, "bytearray": bytearray, "owned": self.owned, "buffer": zbuf.copied,
                    "composite": lambda content: zbuf.CompositeByteBuf(content[:n // 2], content[n // 2:])}[kind](content)
        self.put(content, self.queue.write, data)

    def put(self, content, call, *args):
        """A write, whose bytes are there before it tells of them, and maybe not yet when the collector comes."""
        at = len(self.written) - self.under_way()
        self.written = self.written[:at] + content + self.written[at:]
        outer, self.writing = self.writing, True
        self.attempt(call, *args)
        self.writing = outer

    def under_way(self):
        """How many bytes a write has still to queue."""
        return len(self.written) - self.queue.sent_bytes - self.queue.pending_bytes if self.writing else 0

    @rule(sizes=st.lists(SIZES, max_size=4))
    def write_lines(self, sizes):
        lines = [self.owned(self.some(n)) for n in sizes]
        self.put(b"".join(map(bytes, lines)), self.queue.writelines, lines)

    # -- out

    @rule(most=st.one_of(st.none(), st.integers(0, 12_000)), calls=st.one_of(st.none(), st.integers(0, 3)))
    def flush(self, most, calls):
        if not self.queue.closed:
            self.attempt(self.flush_now, self.queue, most, calls)

    def flush_now(self, queue, most, calls):
        before = queue.sent_bytes
        given = {"max_bytes": most if most is None else self.number(most)} | ({} if calls is None else {"max_calls": calls})
        flushed = queue.flush_to(self.ours, **given)
        assert most is None or flushed.sent <= most
        assert queue.closed or queue.sent_bytes - before >= flushed.sent

    @rule()
    def receive(self):
        try:
            while more := self.theirs.recv(1 << 16):
                self.got += more
        except BlockingIOError:
            pass
        assert self.written.startswith(self.got)

    @rule()
    def cancel(self):
        if self.queue.closed:
            return
        pending, at = self.queue.pending_bytes, len(self.written) - self.under_way()
        gone = self.attempt(self.queue.cancel)
        if gone is not None:
            assert gone == pending
            self.written = self.written[: at - gone] + self.written[at:]   # what was written meanwhile stays

    @rule()
    def close(self):
        self.queue.close()

    # -- foreign code

    def deeds(self, n):
        return {
            "write": lambda: self.write(n=n % 50, kind="bytes"),
            "write much": lambda: self.write(n=4000 + n % 50, kind="bytearray"),
            "flush": lambda: self.flush(most=n, calls=None),
            "cancel": self.cancel,
            "receive": self.receive,
            "close": self.close,
        }

    @rule(way=st.sampled_from((*WAYS, "turn", "end", "end")), deed=DEEDS, n=SIZES)
    def foreign_code_is_about(self, way, deed, n):
        self.arm(way, self.deeds(n)[deed])

    @rule(deed=DEEDS, n=SIZES, call=st.sampled_from(("flush", "cancel", "close")))
    def an_owner_does(self, deed, n, call):
        """As its memory goes, or is given back unsent."""
        self.write(n=3000, kind="owned")
        self.arm("end", self.deeds(n)[deed])
        self.deeds(1 << 20)[call]()

    # -- after every step

    @invariant()
    def all_is_as_the_model_has_it(self):
        self.step_is_over()
        if self.queue.closed:
            self.end()
            return self.begin()
        sent = self.queue.sent_bytes
        pending = self.queue.pending_bytes
        assert pending == len(self.queue) == len(self.written) - sent and bool(self.queue) == (pending > 0)
        assert len(self.got) <= sent
        assert not self.queue.writable if pending > HIGH else self.queue.writable or pending >= LOW
        assert self.told[-1] == self.queue.writable
        assert all(a != b for a, b in zip(self.told, self.told[1:]))


TestQueues = Queues.TestCase
