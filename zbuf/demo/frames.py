"""What goes over the wire, and the plan that every process is given.

    | magic 4 | name length 2 | body length 8 | CRC-32 of the body 4 | name | body |

All numbers are big-endian. A plan is sent a whole number of times over, its
frames in order.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import zlib
from dataclasses import asdict, dataclass

MAGIC = b"ZBUF"
HEAD = struct.Struct(">4sHQI")
PIECE = 256 << 10  # bytes read at a time
CLOSED = "the receiver closed the connection"  # what a sender says that does not know why


class DemoError(Exception):
    """What ends a demonstration, in words for people."""


@dataclass(frozen=True)
class Frame:
    """One file as it was when the demonstration began."""

    path: str
    size: int
    crc: int

    @property
    def name(self) -> bytes:
        return os.fsencode(self.path)

    @property
    def head(self) -> bytes:
        """The frame but for its body."""
        return HEAD.pack(MAGIC, len(self.name), self.size, self.crc) + self.name


@dataclass(frozen=True)
class Plan:
    """What is to be sent: `frames`, `times` over; nobody waits longer than `patience` seconds."""

    frames: tuple[Frame, ...]
    times: int
    patience: float

    @property
    def body_bytes(self) -> int:
        return self.times * sum(frame.size for frame in self.frames)

    @property
    def wire_bytes(self) -> int:
        return self.body_bytes + self.times * sum(len(frame.head) for frame in self.frames)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        plan = json.loads(text)
        return cls(tuple(Frame(**frame) for frame in plan["frames"]), plan["times"], plan["patience"])


def told() -> Plan:
    """Read the plan on stdin. It is cut short if who started us ended first."""
    try:
        return Plan.from_json(sys.stdin.read())
    except ValueError as error:
        raise DemoError("the plan was cut short") from error


def say(**facts: object) -> None:
    """Write a line of JSON to stdout; nothing if nobody listens any more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(facts).encode() + b"\n")


def frame_of(path: str) -> Frame:
    """Read a file once, for its size and its CRC; this also brings it to the page cache."""
    size = crc = 0
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                size += len(piece)
                crc = zlib.crc32(piece, crc)
    except OSError as error:
        raise DemoError(f"{path}: {error.strerror}") from error
    if len(os.fsencode(path)) > 0xFFFF:
        raise DemoError(f"{path[:100]}...: the name is longer than a frame can say")
    return Frame(path, size, crc)


def reason(error: OSError) -> str:
    """What went wrong, and where if the error knows."""
    words = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {words}" if isinstance(error.filename, (str, bytes)) else words
