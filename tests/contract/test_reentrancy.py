"""Foreign code that runs inside a call, and does to the buffer whatever it likes.

Numbers, truth values, codecs, error handlers, owners of wrapped memory and
exporters may all be Python code that comes back to the very buffer that is
asking. The call then gives what it gives or raises; the buffer stays whole.
"""

import codecs
import sys

import pytest

import zbuf
from kinds import KINDS, check
from test_errors import SIZES, with_value
from test_numbers import NUMBERS

CONTENT = b"0123456789abcdef"


def set_to(name, value):
    return lambda buf: setattr(buf, name, value)


DEEDS = {
    "release": lambda buf: buf.release(),
    "clear": lambda buf: buf.clear(),
    "skip all": lambda buf: buf.skip(len(buf)),
    "write little": lambda buf: buf.write_u8(1),
    "write much": lambda buf: buf.write_bytes(b"x" * 70_000),
    "cut to nothing": set_to("capacity", 0),
    "cut to a few": set_to("capacity", 5),
    "grow": set_to("capacity", 50_000),
    "reclaim": lambda buf: (buf.skip(12), buf.reclaim()),
    "split": lambda buf: buf.split_to(len(buf) // 2),
    "drop a part": lambda buf: buf.remove(0),
    "consolidate": lambda buf: buf.consolidate(),
    "append": lambda buf: buf.append(b"x" * 1000),
    "drop read parts": lambda buf: (buf.skip(7), buf.discard_read_parts()),
}
OUTCOMES = (zbuf.ZbufError, IndexError, ValueError, TypeError, BufferError, MemoryError, StopIteration)


class Foreign:
    """Anything that is asked for something, and does a deed first."""

    def __init__(self, buf, deed, answer):
        self.buf, self.deed, self.answer, self.done = buf, deed, answer, False

    def act(self, *args):
        self.done = True
        try:
            self.deed(self.buf)
        except (AttributeError, *OUTCOMES):
            pass
        return self.answer

    __index__ = __float__ = __bool__ = act


@pytest.fixture(params=DEEDS.values(), ids=DEEDS)
def deed(request):
    return request.param


def attempt(make, deed, answer, call):
    buf = make(CONTENT)
    buf.skip(2)
    twin = buf.duplicate()
    foreign = Foreign(buf, deed, answer)
    result = None
    try:
        result = call(buf, foreign)
    except OUTCOMES:
        pass
    assert foreign.done
    check(buf, twin)
    if isinstance(result, zbuf.ByteBuf):
        check(result)
        bytes(result)
    assert len(bytes(twin)) == len(CONTENT) - 2
    if not buf.released:
        assert len(bytes(buf)) == len(buf)


def test_a_size_or_an_index_may_be_foreign_code(make, deed):
    for name, args in SIZES:
        for answer in (0, 3):
            attempt(make, deed, answer, lambda buf, foreign: getattr(buf, name)(*with_value(args, foreign)))


def test_a_value_may_be_foreign_code(make, deed):
    for number in NUMBERS:
        attempt(make, deed, 1, lambda buf, foreign: getattr(buf, f"write_{number.name}")(foreign))
        attempt(make, deed, 1, lambda buf, foreign: getattr(buf, f"set_{number.name}")(2, foreign))
        attempt(make, deed, 1, lambda buf, foreign: getattr(buf, f"prepend_{number.name}")(foreign))
    for name in ("write_varint", "write_varint_u32", "write_svarint", "write_quic_varint"):
        attempt(make, deed, 1, lambda buf, foreign: getattr(buf, name)(foreign))
    for setter in ("reader_index", "writer_index", "capacity"):
        attempt(make, deed, 3, lambda buf, foreign: setattr(buf, setter, foreign))


def test_bounds_of_searches_and_slices_may_be_foreign_code(make, deed):
    for name in ("find", "rfind", "index", "count", "startswith", "endswith"):
        for answer in (0, 3, -3):
            attempt(make, deed, answer, lambda buf, foreign: getattr(buf, name)(b"5", foreign))
            attempt(make, deed, answer, lambda buf, foreign: getattr(buf, name)(b"5", 0, foreign))
            attempt(make, deed, answer, lambda buf, foreign: getattr(buf, name)(buf, 0, foreign))
    for name in ("find", "rfind", "index", "count", "__contains__"):
        attempt(make, deed, 0x35, lambda buf, foreign: getattr(buf, name)(foreign))
    for answer in (0, 3, -1):
        attempt(make, deed, answer, lambda buf, foreign: buf[foreign])
        attempt(make, deed, answer, lambda buf, foreign: buf[foreign:])
        attempt(make, deed, answer, lambda buf, foreign: buf[:foreign])
        attempt(make, deed, answer, lambda buf, foreign: buf.__setitem__(foreign, 1))
        attempt(make, deed, answer, lambda buf, foreign: buf.__setitem__(slice(foreign, None), b"x" * 13))
        attempt(make, deed, answer, lambda buf, foreign: buf.__setitem__(slice(0, foreign), buf[:3]))
    attempt(make, deed, 1, lambda buf, foreign: buf.__setitem__(0, foreign))


def test_the_number_of_a_part_may_be_foreign_code(make_pieces, deed):
    for answer in (0, 1):
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.insert(foreign, b"x" * 600))
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.insert(foreign, zbuf.wrap(b"x", b"y", b"z")))
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.remove(foreign))
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.part_at(foreign))
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.views(foreign) and None)
        attempt(make_pieces, deed, answer, lambda buf, foreign: buf.__init__(b"x" * 600, coalesce=foreign))


def test_the_name_of_an_encoding_may_be_foreign_code(make, deed):
    class Name(str):
        def __eq__(self, other):
            foreign.act()
            return answer and str.__eq__(self, other)

        __hash__ = str.__hash__

    for answer in (False, True):
        for call in (lambda buf: buf.read_str(9, Name("utf-8")), lambda buf: buf.get_str(2, 9, Name("utf-8")),
                     lambda buf: buf.read_str(9, "utf-8", Name("strict")), lambda buf: buf.write_str("x", Name("utf-8"))):
            def named(buf, given):
                nonlocal foreign
                foreign = given
                return call(buf)

            foreign = None
            attempt(make, deed, 0, named)
            foreign = None


def test_an_error_handler_may_be_foreign_code(make, deed):
    foreign = None

    def handler(error):
        foreign.act()
        return "?", error.end

    codecs.register_error("zbuf-foreign", handler)
    content = b"\xff" * len(CONTENT)

    def with_handler(call):
        def named(buf, given):
            nonlocal foreign
            foreign = given
            return call(buf)

        return named

    for call in (lambda buf: buf.read_str(9, "ascii", "zbuf-foreign"),
                 lambda buf: buf.get_str(buf.reader_index, 9, "ascii", "zbuf-foreign"),
                 lambda buf: buf.read_str(9, "utf-8", "zbuf-foreign"),
                 lambda buf: buf.write_str("\xe9\u20ac", "ascii", "zbuf-foreign"),
                 lambda buf: buf.set_str(2, "\xe9\u20ac", "ascii", "zbuf-foreign")):
        attempt(lambda _: make(content), deed, 0, with_handler(call))
    foreign = None   # the registry keeps the handler for good


class Owner(bytearray):
    """Wrapped memory whose end is foreign code."""

    deed = None

    def __del__(self):
        if self.deed is not None:
            self.deed()


LETTING_GO = {
    "release": lambda buf: buf.release(),
    "drop read parts": lambda buf: (buf.skip(9), buf.discard_read_parts()),
    "split": lambda buf: buf.split_to(9),
    "reclaim": lambda buf: (buf.skip(9), buf.reclaim()),
    "remove the first": lambda buf: buf.remove(0),
    "remove the second": lambda buf: buf.remove(1),
    "consolidate": lambda buf: buf.consolidate(),
    "cut": set_to("capacity", 2),
    "write after going back": lambda buf: (set_to("writer_index", 2)(buf), buf.write_bytes(b"x" * 50)),
    "append after going back": lambda buf: (set_to("writer_index", 2)(buf), buf.append(b"y" * 1000)),
    "insert after going back": lambda buf: (set_to("writer_index", 2)(buf), buf.insert(0, b"z" * 1000)),
    "room after going back": lambda buf: (set_to("writer_index", 2)(buf), buf.writable_view(2000)),
    "append many after going back": lambda buf: (
        set_to("writer_index", 2)(buf), buf.append(zbuf.CompositeByteBuf(*[b"m" * 600] * 9))),
}


@pytest.mark.parametrize("take", [
    lambda buf, source: buf.append(source),
    lambda buf, source: buf.write_bytes(source),
    lambda buf, source: buf.insert(0, source),
    lambda buf, source: buf.__init__(source, source, b"more"),
    lambda buf, source: source.read_into(buf),
], ids=["append", "write_bytes", "insert", "__init__", "read_into"])
@pytest.mark.parametrize("source_of", [zbuf.copied, lambda content: zbuf.CompositeByteBuf(content),
                                       lambda content: zbuf.wrap(content, content)], ids=["one region", "tail", "parts"])
def test_a_source_may_change_while_room_is_made_for_it(take, source_of, deed):
    def end():
        try:
            deed(source)
        except (AttributeError, *OUTCOMES):
            pass

    owner = Owner(b"0123456789")
    owner.deed = end
    buf, source = zbuf.CompositeByteBuf(b"head", owner, coalesce=5), source_of(b"9876543210" * 20)
    del owner
    buf.writer_index = 4
    source.writer_index = 10
    try:
        take(buf, source)
    except OUTCOMES:
        pass
    check(buf, source)
    assert bytes(buf).startswith((b"head", b"9876543210head")) and len(bytes(buf)) == len(buf)


@pytest.mark.parametrize("let_go", LETTING_GO.values(), ids=LETTING_GO)
@pytest.mark.parametrize("end", DEEDS.values(), ids=DEEDS)
@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_end_of_wrapped_memory_may_be_foreign_code(let_go, end, count):
    ran = []

    def deed():
        ran.append(None)
        try:
            end(buf)
        except (AttributeError, *OUTCOMES):
            pass
        check(buf)

    buf = zbuf.CompositeByteBuf(coalesce=0)
    for k in range(count):
        owner = Owner(b"0123")
        owner.deed = deed
        buf.append(owner)
        del owner
    try:
        let_go(buf)
    except OUTCOMES:
        pass
    check(buf)
    if not buf.released:
        assert len(bytes(buf)) == len(buf)
        buf.release()
        check(buf)
    assert buf.released and len(ran) == count


def test_an_owner_that_writes_as_it_is_let_go_may_leave_too_little_room_for_an_insert():
    owner = Owner(b"0123456789")
    owner.deed = lambda: buf.write_bytes(b"!!")
    buf = zbuf.CompositeByteBuf(b"head", owner, coalesce=0)[:]
    del owner
    buf.writer_index = 4
    with pytest.raises(zbuf.CapacityError, match="^wanted room for 10 bytes, 8 available$"):
        buf.insert(0, b"9876543210")
    assert (bytes(buf), buf.max_capacity) == (b"head!!", 14)
    buf.insert(1, b"12345678")
    assert bytes(buf) == b"head12345678!!"
    check(buf)


@pytest.mark.parametrize("make_parts", [lambda buf: (buf,), lambda buf: (buf, zbuf.copied(b"?"))],
                         ids=["alone", "as the first part"])
@pytest.mark.parametrize("write", [
    lambda buf, source: buf.write_u64(1),
    lambda buf, source: buf.write_bytes(source),
    lambda buf, source: source.read_into(buf),
    lambda buf, source: buf.write_str("12345678"),
    lambda buf, source: buf.writable_view(8),
    lambda buf, source: buf.ensure_writable(8),
    lambda buf, source: buf.write_varint(2**63),
    lambda buf, source: buf.write_zeros(8),
    lambda buf, source: set_to("capacity", 10)(buf),
], ids=range(9))
def test_memory_that_is_left_for_a_larger_block_may_end_in_foreign_code(write, make_parts, deed):
    for both in (False, True):
        ran = []

        def end():
            ran.append(None)
            for target in (buf, source) if both else (source,):
                try:
                    deed(target)
                except (AttributeError, *OUTCOMES):
                    pass

        owner = Owner(b"0123456789")
        owner.deed = end
        source = zbuf.copied(b"01234567")
        buf = zbuf.wrap(owner)
        del owner
        buf.capacity = 1
        try:
            write(buf, source)
        except OUTCOMES:
            pass
        check(buf, source)
        if not buf.released:
            assert len(bytes(buf)) == len(buf)
            buf.release()
        assert len(ran) == 1


if sys.version_info >= (3, 12):

    class Exporter:
        """Bytes whose export, or the end of it, is foreign code."""

        def __init__(self, buf, deed, late):
            self.foreign, self.late = Foreign(buf, deed, None), late

        def __buffer__(self, flags):
            if not self.late:
                self.foreign.act()
            return memoryview(bytearray(b"!!"))

        def __release_buffer__(self, view):
            self.foreign.act()
            view.release()

    TAKING = (
        lambda buf, x: buf.write_bytes(x),
        lambda buf, x: buf.set_bytes(3, x),
        lambda buf, x: buf.prepend_bytes(x),
        lambda buf, x: buf.read_into(x),
        lambda buf, x: buf.find(x),
        lambda buf, x: buf.rfind(x),
        lambda buf, x: buf.count(x),
        lambda buf, x: buf.index(x),
        lambda buf, x: buf.startswith(x),
        lambda buf, x: buf.endswith((b"a", x)),
        lambda buf, x: x in buf,
        lambda buf, x: buf == x,
        lambda buf, x: buf.__setitem__(slice(1, 3), x),
    )
    SHARING = (
        lambda buf, x: buf.append(x),
        lambda buf, x: buf.insert(1, x),
        lambda buf, x: buf.insert(0, x),
        lambda buf, x: buf.__init__(x, zbuf.copied(b"small"), x),
    )

    def take_export(make, deed, take, late):
        buf = make(CONTENT)
        buf.skip(2)
        x = Exporter(buf, deed, late)
        try:
            take(buf, x)
        except OUTCOMES:
            pass
        check(buf)
        if not buf.released:
            assert len(bytes(buf)) == len(buf)
            buf.release()
        return x.foreign.done

    def test_an_export_may_be_foreign_code(make, deed):
        for take in TAKING:
            assert take_export(make, deed, take, late=False)
            assert take_export(make, deed, take, late=True)

    def test_a_shared_export_may_be_foreign_code(make_pieces, deed):
        for take in SHARING:
            assert take_export(make_pieces, deed, take, late=False)
            take_export(make_pieces, deed, take, late=True)


def test_any_order_of_kinds_may_be_compared_while_one_is_released():
    for kind in KINDS:
        a, b = kind(CONTENT), kind(CONTENT)
        a.release()
        with pytest.raises(zbuf.ReleasedError):
            b == a   # noqa: B015
        check(a, b)
