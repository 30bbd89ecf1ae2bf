"""What one statement costs: many of it unrolled in a loop, less the same loop empty."""

import gc
import importlib.util
from collections.abc import Callable
from time import thread_time_ns
from typing import Any

# Time this thread spent on a processor: what others do on the machine does
# not count, what the kernel does for us (page faults) does.
CLOCK = thread_time_ns

SOURCE = """
def loop(clock, rounds, results, {names}):
    start = clock()
    for {head}:
        {before}
        {body}
    end = clock()
    {after}
    return end - start
"""


class Loop:
    """One way to do a piece of work; a contestant of a row.

    `stmt` runs `times` times between two runs of `before`; in its text {k} is
    the number of the copy and {at} is k * step. With `over`, it runs once for
    each item of the name of that side instead: "n in sizes". `setup` makes
    the objects that the text names, all of them locals of the loop.
    `base` is what is not the question and is subtracted along with the loop.

    `of` is how many pieces of work one `stmt` is: what it costs is told of one.

    The result that contestants must agree on is the list of what `stmt`
    gives, an expression then, or what `check` gives after one round.
    """

    wanted = False

    def __init__(
        self,
        name: str,
        stmt: str,
        setup: Callable[[], dict[str, Any]],
        *,
        before: str = "pass",
        base: str = "",
        over: str = "",
        times: int = 100,
        step: int = 1,
        of: int = 1,
        check: str = "",
        needs: str = "",
    ) -> None:
        self.name, self.needs = name, needs
        self._stmt, self._setup, self._check = stmt, setup, check
        self._before, self._base, self._over = before, base, over
        self._times, self._step, self._of = times, step, of
        self._rounds = 0

    def present(self) -> bool:
        """Is what this contestant imports installed?"""
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    def open(self) -> None:
        """Make the objects and compile the loops."""
        self._names = self._setup()
        self._work = self._compile(self._stmt)
        self._empty = self._compile(self._base)
        items = self._names[self._over.split(" in ")[1]] if self._over else range(self._times)
        self.count = len(items) * self._of

    def close(self) -> None:
        """Drop the objects."""
        del self._names, self._work, self._empty

    def result(self) -> Any:
        """Do the work once; the result to compare."""
        results: list[Any] = []
        if self._check:
            work = self._compile(self._stmt, after=f"results.append({self._check})")
            work(CLOCK, 1, results, **self._names)
            return results[0]
        self._compile(f"results.append({self._stmt})")(CLOCK, 1, results, **self._names)
        return results

    def sample(self, seconds: float) -> float:
        """Nanoseconds of one statement, measured for about so long."""
        if not self._rounds:
            self._rounds = self._rounds_in(seconds)
        gc.disable()
        try:
            spent = self.run(self._rounds) - self.run_empty(self._rounds)
        finally:
            gc.enable()
        return spent / (self._rounds * self.count)

    def run(self, rounds: int) -> int:
        """Nanoseconds of so many rounds, the loop itself included."""
        return self._work(CLOCK, rounds, None, **self._names)

    def run_empty(self, rounds: int) -> int:
        """The same of what is not the question."""
        return self._empty(CLOCK, rounds, None, **self._names)

    def _rounds_in(self, seconds: float) -> int:
        rounds = 1
        while (spent := self.run(rounds)) < seconds * 1e9 / 4:
            rounds *= 2
        return max(1, round(rounds * seconds * 1e9 / spent))

    def _compile(self, stmt: str, after: str = "pass") -> Callable[..., int]:
        if self._over:
            head, body = "_ in range(rounds)", f"for {self._over}: {stmt or 'pass'}"
        else:
            copies = [stmt.format(k=k, at=k * self._step) for k in range(self._times)]
            head, body = "_ in range(rounds)", "\n        ".join(copies)
        source = SOURCE.format(
            names=", ".join(self._names), head=head, before=self._before, body=body, after=after
        )
        space: dict[str, Any] = {}
        exec(compile(source, f"<{self.name}>", "exec"), space)
        return space["loop"]
