"""The recordings of what Netty 4.1.48 did: scenarios of steps, one JSON object a line."""

import gzip
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared" / "conformance"
KEPT = HERE / "recordings"          # all of them, compressed harder

Json = Any


@dataclass(frozen=True, slots=True)
class Step:
    """One call, and what Netty's buffers looked like after it."""

    op: str
    on: str | None
    args: list[Json]
    result: Json
    raises: str | None
    state: dict[str, dict[str, Json]] = field(default_factory=dict)     # only what changed
    undefined: bool = False                  # the result depends on bytes that nobody has set
    capacity_chosen: tuple[str, ...] = ()    # whose new capacity was the allocator's own choice
    forget: tuple[str, ...] = ()             # not mentioned from here on

    @classmethod
    def of(cls, raw: dict[str, Json]) -> "Step":
        return cls(**{**raw, **{name: tuple(raw[name]) for name in ("capacity_chosen", "forget") if name in raw}})


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str
    kind: str
    setup: dict[str, Json]
    steps: list[Step] = field(repr=False)
    note: str = ""

    @classmethod
    def of(cls, raw: dict[str, Json]) -> "Scenario":
        return cls(raw["id"], raw["kind"], raw["setup"], [Step.of(step) for step in raw["steps"]], raw.get("note", ""))


def folder() -> Path:
    """Where the recordings are when nobody says where."""
    return SHARED if SHARED.is_dir() else KEPT


def files(*folders: Path) -> list[Path]:
    """All files of recordings below the folders, in order."""
    found = sorted(path for folder in folders for path in folder.rglob("*.jsonl.*z"))
    if not found:
        raise FileNotFoundError(f"no *.jsonl.gz or *.jsonl.xz in {', '.join(map(str, folders))}")
    return found


def scenarios(path: Path) -> Iterator[Scenario]:
    with (gzip if path.suffix == ".gz" else lzma).open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Scenario.of(json.loads(line))
