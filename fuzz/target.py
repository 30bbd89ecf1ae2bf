"""The process that is fuzzed: `python -m fuzz.target HARNESS MODE ARGUMENT ...`, arguments of libFuzzer."""

import sys
from collections.abc import Callable

import atheris

import zbuf
from fuzz.driver import harness


def telling(one: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same; an input that is a finding is printed at once, whatever becomes of the process."""
    def told(data: bytes) -> None:
        try:
            one(data)
        except BaseException:
            print(f"input {data.hex()}", file=sys.stderr, flush=True)
            raise

    return told


def main(name: str, mode: str, arguments: list[str]) -> None:
    # Blocks of malloc each, which the address sanitizer watches, or the pool's.
    allocator = zbuf.SystemAllocator() if mode == "malloc" else zbuf.PooledAllocator()
    zbuf.set_default_allocator(allocator)
    # Where a harness and a model go is part of where an input goes.
    with atheris.instrument_imports(include=[f"fuzz.{name}", "test_bytebuf_model", "test_composite_model"]):
        one = harness(name)
    # To merge, libFuzzer starts itself by what it was called as.
    atheris.Setup([f"{sys.executable} -P -m fuzz.target {name} {mode}", *arguments], telling(one))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
