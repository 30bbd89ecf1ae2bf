"""What is common to the harnesses: one input, from its bytes to nothing left behind."""

import gc
import importlib
from collections.abc import Callable

import zbuf
from fuzz.reader import Reader
from kinds import live_blocks


def harness(name: str) -> Callable[[bytes], None]:
    """The function that tries one input of this harness; whatever it raises is a finding."""
    run = importlib.import_module(f"fuzz.{name}").run

    def one(data: bytes) -> None:
        before = live_blocks()
        run(Reader(data))
        if live_blocks() != before:
            gc.collect()
        assert live_blocks() == before, f"{live_blocks() - before} blocks stayed behind"

    return one


def outcome(call: Callable[..., object], *args: object) -> tuple[object, type[Exception] | None]:
    """What the call gives, and of what kind the error is that it raises instead."""
    try:
        return call(*args), None
    except Exception as error:
        return None, type(error)


def agree(got: tuple[object, type[Exception] | None], wanted: tuple[object, type[Exception] | None], *about: object) -> None:
    """Both are the same outcome; `about` is shown if not."""
    assert same(got, wanted), f"{got} is not {wanted}: {about}"


def same(a: object, b: object) -> bool:
    """Equal, of the same type, and NaN equals NaN."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)
