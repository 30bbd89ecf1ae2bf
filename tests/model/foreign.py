"""Foreign code in the middle of an operation: it does what the machine itself could do between two.

A deed is armed by a rule of its own. It is done where a later operation runs
code of strangers: by an argument that is asked for its number, by the end of
wrapped memory, by the collector; there, or in the handler of a signal that
comes there. An argument is asked before anything is done, so its deed may be
to the very handle, and the operation is what it is after the deed. The others
do theirs to handles that no operation is busy with.
"""

import gc
import signal

WAYS = ("argument", "signal", "end", "collector")   # what brings the deed about
THRESHOLD = gc.get_threshold()


class Number:
    """An integer that does the deed when it is asked for."""

    def __init__(self, machine, value):
        self.machine, self.value = machine, value

    def __index__(self):
        self.machine.do_deed(anywhere=True)
        return self.value


class Owner(bytearray):
    """Memory that does the deed when it ends."""

    machine = None

    def __del__(self):
        if self.machine is not None:
            self.machine.do_deed()


class Foreign:
    """What a state machine gets from it; it has to have `handles`."""

    deed, way, wrong = None, None, None
    busy, within, anywhere = (), False, False

    def arm(self, way, deed):
        self.deed, self.way = deed, way

    def do_deed(self, anywhere=False):
        deed, self.deed = self.deed, None
        if deed is None:
            return
        self.within, self.anywhere = True, anywhere
        try:
            if self.possible():
                self.signalled(deed) if self.way == "signal" else deed()
        except BaseException as error:   # which would not get out of a __del__
            self.wrong = error
        self.within = self.anywhere = False

    def signalled(self, deed):
        before = signal.signal(signal.SIGUSR1, lambda *_: deed())
        try:
            signal.raise_signal(signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)

    def possible(self):
        return len(self.free()) > 1

    def free(self):
        """The handles that may be taken now."""
        return [h for h in self.handles if not self.within or self.anywhere or h not in self.busy]

    def taken(self, h):
        """The operation is busy with this one, until its step is over."""
        self.busy = (*self.busy, h)
        return h

    def number(self, value):
        return Number(self, value) if self.deed is not None and self.way in ("argument", "signal") else value

    def owned(self, content):
        memory = Owner(content)
        memory.machine = self
        return memory

    def collecting(self, call, *args):
        """Calls, and lets the collector come whenever an object is made; if it does not, the deed is done behind the call."""
        def collected(phase, info):
            self.do_deed()

        if self.deed is None or self.way != "collector":
            return call(*args)
        gc.callbacks.append(collected)
        gc.set_threshold(1)
        try:
            return call(*args)
        finally:
            gc.set_threshold(*THRESHOLD)
            gc.callbacks.remove(collected)
            self.do_deed()

    def step_is_over(self):
        self.busy = ()
        if self.wrong is not None:
            raise self.wrong
