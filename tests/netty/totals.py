"""How many steps were replayed, and what became of each."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Count:
    """What became of the steps of a file or of an operation."""

    steps: int = 0
    equal: int = 0
    covered: Counter[str] = field(default_factory=Counter)      # by which rule
    failed: int = 0

    def add(self, verdict: str | None) -> None:
        """Count a step: "" was as recorded, None failed, all else is the name of the rule that covers it."""
        self.steps += 1
        if verdict is None:
            self.failed += 1
        elif verdict:
            self.covered[verdict] += 1
        else:
            self.equal += 1

    @property
    def share(self) -> float:
        """How many of the steps came out as recorded."""
        return self.equal / self.steps if self.steps else 1.0

    def as_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "equal": self.equal, "covered": dict(self.covered), "failed": self.failed}


@dataclass(slots=True)
class Totals:
    whole: Count = field(default_factory=Count)
    by_file: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    by_op: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    failures: list[str] = field(default_factory=list)

    def add(self, file: str, op: str, verdict: str | None) -> None:
        for count in (self.whole, self.by_file[file], self.by_op[op]):
            count.add(verdict)
