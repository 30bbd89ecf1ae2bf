"""Handles, their exports and growth as the model of the tests has it, over odd strangers' memory too."""

import array
import ctypes
import mmap

from hypothesis import strategies as st
from hypothesis.stateful import rule

import zbuf
from fuzz.machine import drive
from fuzz.reader import Reader
from test_bytebuf_model import ANY, SMALL, Buffers, Memory, View


def closed(content):
    view = memoryview(content)
    view.release()
    return view


def mapped(content):
    memory = mmap.mmap(-1, len(content))
    memory[:] = content
    return memory


def multiple(content, n):
    return content + bytes(-len(content) % n)


# What can be wrapped; each makes an exporter whose bytes begin with the content.
SOUND = {
    "bytes": bytes,
    "bytearray": bytearray,
    "array of shorts": lambda content: array.array("h", multiple(content, 2)),
    "ctypes array": lambda content: (ctypes.c_ubyte * len(content))(*content),
    "ctypes words": lambda content: (ctypes.c_uint * (len(multiple(content, 4)) // 4)).from_buffer_copy(multiple(content, 4)),
    "mmap": lambda content: mapped(content or b"\0"),
    "view": memoryview,
    "read-only view": lambda content: memoryview(bytearray(content)).toreadonly(),
    "window": lambda content: memoryview(bytearray(b"??" + content + b"?"))[2 : 2 + len(content)],
    "view of doubles": lambda content: memoryview(bytearray(multiple(content, 8) or bytes(8))).cast("d"),
    "view of two dimensions": lambda content: memoryview(bytearray(multiple(content, 6) or bytes(6))).cast("B", (2, max(len(multiple(content, 6)), 6) // 2)),
    "view of shorts backwards twice": lambda content: memoryview(bytearray(multiple(content, 2))).cast("H")[::-1][::-1],
    "handle's view": lambda content: zbuf.wrap(bytearray(content)).view(),
}
# What cannot, and what is raised.
UNSOUND = {
    "every other byte": (lambda content: memoryview(bytearray(content + b"two!"))[::2], BufferError),
    "backwards": (lambda content: memoryview(content + b"two!")[::-1], BufferError),
    "released": (closed, ValueError),
    "every other double": (lambda content: memoryview(bytearray(32)).cast("d")[::2], BufferError),
    "text": (lambda content: "text", TypeError),
    "number": (len, TypeError),
    "nothing": (lambda content: None, TypeError),
}
SMALL_CONTENT = st.binary(max_size=40)


class Exports(Buffers):
    """The model of the tests, and strangers under it."""

    @rule(kind=st.sampled_from(sorted(SOUND)), content=SMALL_CONTENT)
    def wrap_a_stranger(self, kind, content):
        stranger = SOUND[kind](content)
        memory = memoryview(stranger)
        data, readonly = bytearray(memory.tobytes()), memory.readonly
        memory.release()
        assert data.startswith(content)
        n = len(data)
        self.add(zbuf.wrap(stranger), Memory(data, True), 0, n, n, 0, n, readonly)

    @rule(kind=st.sampled_from(sorted(UNSOUND)), content=SMALL_CONTENT, way=st.sampled_from(("wrap", "copied", "write", "set")), k=ANY)
    def refuse_a_stranger(self, kind, content, way, k):
        make, error = UNSOUND[kind]
        h = self.pick(k)
        if way in ("write", "set") and h.readonly:
            return
        call = {"wrap": zbuf.wrap, "copied": zbuf.copied, "write": h.buf.write_bytes, "set": lambda x: h.buf.set_bytes(0, x)}[way]
        self.expect(error, call, make(content))

    @rule(content=SMALL_CONTENT, n=SMALL)
    def a_wrapped_bytearray_keeps_its_size(self, content, n):
        owner = bytearray(content + b"!")
        with zbuf.wrap(owner) as buf:
            part = buf.slice(0, n % len(buf))
            self.expect(BufferError, owner.append, 0)
        self.expect(BufferError, owner.append, 0)
        part.release()
        owner.append(0)

    @rule(k=ANY)
    def look_through_a_view(self, k):
        # A view of a view holds the block as the first one does.
        if self.views and len(self.views) < 5:
            v = self.views[k % len(self.views)]
            with memoryview(v.view) as again, again.cast("B") as bytes_of:
                assert bytes_of.tobytes() == bytes(v.mem.data[v.off : v.off + v.n])
                v.view.release()
                assert again.nbytes == v.n
                v.view = memoryview(again)

    @rule(k=ANY, j=ANY)
    def wrap_a_view_of_a_handle(self, k, j):
        # Exports of exports, closed from the inside or from the outside.
        h = self.pick(k)
        view = h.buf.view()
        wrapped = zbuf.wrap(view)
        assert bytes(wrapped) == h.readable and wrapped.readonly == h.readonly
        for each in (view.release, wrapped.release)[:: 1 if j % 2 else -1]:
            if each == view.release:
                self.expect(BufferError if not wrapped.released else None, each)
            else:
                each()
        view.release()


def run(data: Reader) -> None:
    drive(Exports(), data)
