"""One consumer is given one form of a buffer: what came of it, in a word."""

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zbuf

YES = "yes"          # done rightly, and nothing of the buffer is held afterwards
PINS = "pins"        # done rightly, and what came of it holds the memory: release() under it is fine
HANDLE = "handle"    # done rightly, but what came of it holds the handle only: release() ends its use
WRONG = "WRONG"      # done, and not what the same bytes give
NONE = "-"           # there is nothing to try
# Any other outcome is the name of the exception. Where it depends on the version, the words have "or" between them.


def same(result: Any) -> Any:
    return result


@dataclass(frozen=True)
class Consumer:
    """Who takes bytes, how it is called with them, and what is to come of it for each form.

    It does right if it gives what it gives for the same content as bytes, or
    if `writes` is what it has written into its argument.
    """

    name: str
    call: Callable[[Any], Any]
    pieces: Callable[[list[memoryview]], Any] | None = None    # the same, with several parts
    package: str = ""                                          # the distribution; none for Python's own
    content: bytes = b"4096 and more bytes"
    writes: bytes | None = None
    seen: Callable[[Any], Any] = same                          # what is compared of a result
    buf: str = YES
    readonly: str | None = None                                # as buf, if it is not said
    view: str = YES
    composite: str = "BufferError"
    views: str = YES
    note: str = ""

    def expected(self, form: str) -> str:
        if form == "writable_view":
            return self.view if self.writes else NONE
        if form == "views":
            return self.views if self.pieces else NONE
        if form == "readonly":
            return self.readonly or self.buf
        return {"buf": self.buf, "slice": self.buf, "view": self.view, "composite": self.composite}[form]

    def use(self, form: str) -> Callable[[Any], Any] | None:
        if form == "views":
            return self.pieces
        return None if form == "writable_view" and not self.writes else self.call


@dataclass(frozen=True)
class Form:
    """A handle on the content, and what of it is passed."""

    handle: Callable[[zbuf.ByteBuf], zbuf.ByteBuf]
    shown: Callable[[zbuf.ByteBuf], Any] = same


def halves(root: zbuf.ByteBuf) -> zbuf.ByteBuf:
    return zbuf.CompositeByteBuf(root[: len(root) // 2], root[len(root) // 2 :], coalesce=0)


def overwritten(handle: zbuf.ByteBuf) -> memoryview:
    size = len(handle)
    handle.writer_index = handle.reader_index
    return handle.writable_view(size)


FORMS = {
    "buf": Form(lambda root: root.duplicate()),
    "slice": Form(lambda root: root[:]),
    "readonly": Form(lambda root: root.as_readonly()),
    "view": Form(lambda root: root.duplicate(), lambda handle: handle.view()),
    "composite": Form(halves),
    "views": Form(halves, lambda handle: handle.views()),
    "writable_view": Form(lambda root: root.duplicate(), overwritten),
}


def outcome(consumer: Consumer, form: str) -> str:
    """Try it. All forms look at one block, so that its count tells who holds any of it."""
    call = consumer.use(form)
    if call is None:
        return NONE
    with zbuf.copied(b"?" + (consumer.content if consumer.writes is None else bytes(len(consumer.writes)))) as root:
        root.skip(1)
        said = attempt(consumer, call, FORMS[form], root)
        assert not held(root), f"{consumer.name} still holds {form} after all was dropped"
        return said


def attempt(consumer: Consumer, call: Callable[[Any], Any], form: Form, root: zbuf.ByteBuf) -> str:
    before = bytes(root)
    handle = form.handle(root)
    users = sys.getrefcount(handle)
    argument = form.shown(handle)
    try:
        if not right(consumer, call(argument), root):
            return WRONG
        result = call(argument)    # once more, for what is asked above may have used it up
    except Exception as error:
        return type(error).__name__ if bytes(root) == before else WRONG
    argument = None
    if sys.getrefcount(handle) > users:
        gc.collect()
    keeps = sys.getrefcount(handle) > users
    handle.release()
    return PINS if held(root) else HANDLE if keeps else YES


def held(root: zbuf.ByteBuf) -> bool:
    """Does anyone else have a reference to its memory? Collecting takes long: only if it may matter."""
    if root.refcnt > 1:
        gc.collect()
    return root.refcnt > 1


def right(consumer: Consumer, result: Any, root: zbuf.ByteBuf) -> bool:
    if consumer.writes is not None:
        return bytes(root) == consumer.writes
    return bool(consumer.seen(result) == consumer.seen(consumer.call(consumer.content)))


def surprises(consumer: Consumer) -> dict[str, str]:
    """What came of the forms where it is not what is expected."""
    found = {form: outcome(consumer, form) for form in FORMS}
    return {form: said for form, said in found.items() if said not in consumer.expected(form).split(" or ")}
