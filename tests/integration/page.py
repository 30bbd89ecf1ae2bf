"""docs/integration.md: the table, and what came of trying it."""

import platform
from collections.abc import Iterator

from .consumers import installed
from .pypi import HEAVY, LIGHT
from .standard import ASYNCIO, BYTES, CODING, INPUT, OUTPUT
from .trial import FORMS, Consumer, surprises

HEADINGS = {"buf": "`buf`", "slice": "slice", "readonly": "read-only", "view": "`buf.view()`", "composite": "composite `c`",
            "views": "`c.views()`", "writable_view": "`writable_view(n)`"}
PARTS = {"Bytes out": OUTPUT, "Bytes in": INPUT, "asyncio": ASYNCIO, "bytes and friends": BYTES, "Coding and parsing": CODING}
NOT_RUN = "not run here"

INTRODUCTION = """\
# What others make of a buffer

Who takes any bytes-like object takes a buffer of zbuf as it is. This page says for each consumer what comes of every form:
it is printed by `python -m tests.integration`, which tries all that is installed (`pip install ".[test,integration]"`), and the
tests try it again. What differs by the version has two words; the versions tried here are below.

- **yes**: done, and right: what comes out is what the same `bytes` give. Nothing of the buffer is held afterwards.
- **pins**: done, and what came of it holds the memory. `release()` is fine under it; the memory goes back when the result does.
- **handle**: done, but what came of it holds the Python object only. It stops working at `release()`; give it `buf.view()`
  to make it hold the memory.
- **an exception**: refused; nothing has changed.
- **-**: there is nothing to try: it does not write, or has no form that takes several parts.

A composite of several parts is no one piece of memory, so it is refused: with `BufferError` that names the ways out, or where
the consumer hides that, with `TypeError`. The ways out are `c.views()`, for those who take parts one by one or in a list, and
`c.consolidate()`, after which it is taken as a buffer is. To be written into, a buffer is filled over its readable bytes;
`buf.writable_view(n)` and `buf.commit(n)` add new ones.
"""


def table(consumers: list[Consumer], here: bool = True) -> Iterator[str]:
    yield f"| consumer | {' | '.join(HEADINGS.values())} | remarks |"
    yield "| --- " * (2 + len(HEADINGS)) + "|"
    for consumer in consumers:
        yield row(consumer, here)


def row(consumer: Consumer, here: bool = True) -> str:
    cells = [consumer.expected(form) if here else NOT_RUN for form in FORMS]
    return " | ".join([f"| `{consumer.name}`", *cells, consumer.note]).rstrip() + " |"


def tried(consumers: list[Consumer]) -> list[Consumer]:
    for consumer in consumers:
        found = surprises(consumer)
        assert not found, f"{consumer.name} is not as expected: {found}"
    return consumers


def page() -> str:
    """The whole page. Raises AssertionError where a consumer does otherwise than the table says."""
    lines = [INTRODUCTION, f"Tried with {platform.python_implementation()} {platform.python_version()}.", ""]
    for heading, consumers in PARTS.items():
        lines += [f"## {heading}", "", *table(tried(consumers)), ""]
    for package, consumers in [*LIGHT, *HEAVY]:
        found = installed(package)
        lines += [f"## {package}", "", f"Version {found}." if found else "Not installed here.", ""]
        lines += [*table(tried(consumers) if found else consumers, here=found is not None), ""]
    return "\n".join(lines).rstrip()
