"""Leak tracking: which buffers were not released, and where they came from.

Nothing is lost for good by forgetting release(): the memory goes when Python
drops the last buffer that holds it. But that may be late, and it is the
collector's doing, not the program's. With tracking on, each such buffer is told
as a ResourceWarning, with the place of its allocation:

>>> import warnings
>>> before = zbuf.leak.set_level("paranoid")
>>> with warnings.catch_warnings(record=True) as told:
...     warnings.simplefilter("always")
...     buf = zbuf.buffer(1000)
...     del buf
...     zbuf.leak.report() + len(told)
1
>>> print(str(told[0].message).splitlines()[0])
a buffer of 1000 bytes was dropped without release()
>>> zbuf.leak.set_level(before)
'paranoid'

Python ignores a ResourceWarning unless it runs with -X dev or -W default. The
environment variable ZBUF_LEAK sets the level without a change of the program:

    ZBUF_LEAK=advanced python -W default program.py

disabled  the default; costs nothing
simple    one block in 128 is watched: where it was allocated
advanced  and where it was last used: touch, slice, duplicate, retain, release
paranoid  both, of every block

While a buffer is watched allocator.live() tells its age and place, and using
it after release() raises a ReleasedError whose notes tell where it was
released and allocated. A leak is told when Python drops the last buffer on the
memory. A memoryview that holds it longer only delays that; what a queue or a
composite lets go of when told is none. Memory of others, that wrap() shares, is
not watched. Source: io.netty.util.ResourceLeakDetector.
"""

import atexit

from zbuf import _leak

__all__ = ["level", "report", "set_level"]

LEVELS = ("disabled", "simple", "advanced", "paranoid")


def set_level(level: str, /) -> str:
    """Watch by this level from now on; what is watched already stays so.

    >>> before = zbuf.leak.set_level("simple")
    >>> zbuf.leak.set_level(before)
    'simple'

    Returns: the level before.
    Raises:  ValueError for another name; nothing has changed.
    Source:  ResourceLeakDetector.setLevel.
    """
    if level not in LEVELS:
        raise ValueError(f"a level is one of {', '.join(LEVELS)}, not {level!r}")
    return LEVELS[_leak._set_level(LEVELS.index(level))]


def level() -> str:
    """Tell the level.

    >>> zbuf.leak.level() in zbuf.leak.LEVELS
    True

    Source: ResourceLeakDetector.getLevel.
    """
    return LEVELS[_leak._level()]


def report() -> int:
    """Warn now of the buffers that were dropped without release().

    >>> zbuf.leak.report()
    0

    Without it the main thread does so between two of its next instructions,
    and at exit. A warning that filters make an error goes to
    sys.unraisablehook, as Python's own ResourceWarnings do.
    Returns: how many leaks that were.
    """
    return _leak._report()


@atexit.register
def _last_report() -> None:
    """What Python drops when all ends is no leak."""
    report()
    set_level("disabled")
