"""A length in front of what it counts: written when it is known, read with its bytes."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zbuf
from kinds import check, live_blocks, refused, state, unchanged
from test_varints import leb, quic


def fixed(width, order):
    return lambda n: n.to_bytes(width, order)


FIXED = {
    "u8": (1, fixed(1, "big")),
    "u16": (2, fixed(2, "big")), "u16_le": (2, fixed(2, "little")),
    "u24": (3, fixed(3, "big")), "u24_le": (3, fixed(3, "little")),
    "u32": (4, fixed(4, "big")), "u32_le": (4, fixed(4, "little")),
    "u64": (8, fixed(8, "big")), "u64_le": (8, fixed(8, "little")),
}
# The bytes that are kept free for the length, and how it is written.
FORMATS = FIXED | {"varint": (9, leb), "varint_u32": (5, leb), "quic_varint": (8, quic)}
MOST = {"u8": 2**8 - 1, "u16": 2**16 - 1, "u24": 2**24 - 1, "u32": 2**32 - 1, "u64": 2**64 - 1,
        "varint": 2**64 - 1, "varint_u32": 2**32 - 1, "quic_varint": 2**62 - 1}
BODIES = [b"", b"x", b"0123456789" * 6 + b"abc", b"0123456789" * 7, b"y" * 127, b"z" * 128, b"w" * 255]


@pytest.fixture(params=["u8", "u16_le", "u24", "u64", "varint", "quic_varint"])
def form(request):
    """One of each sort; that all of them are written and read is tested once."""
    return request.param


@pytest.fixture(params=FIXED)
def width(request):
    return request.param


def prefixed(form, body):
    return FORMATS[form][1](len(body)) + body


# -- writing


def test_the_end_of_the_block_fills_in_how_many_bytes_it_wrote(make_growable, form):
    buf = make_growable(b"head")
    for body in BODIES:
        with buf.length_prefixed(form) as same:
            assert same is buf
            buf.write_bytes(body)
        check(buf)
    buf.write_bytes(b"tail")
    assert bytes(buf) == b"head" + b"".join(prefixed(form, body) for body in BODIES) + b"tail"
    check(buf)


def test_the_block_begins_with_zeros_that_can_be_read(make_growable, form):
    buf = make_growable(b"head")
    with buf.length_prefixed(form):
        assert bytes(buf) == b"head" + bytes(FORMATS[form][0])
        check(buf)


def test_the_length_may_count_its_own_bytes(make_growable, width):
    size, encode = FIXED[width]
    buf = make_growable(b"")
    for body in BODIES[:-1]:
        with buf.length_prefixed(width, includes_length=True):
            buf.write_bytes(body)
    assert bytes(buf) == b"".join(encode(size + len(body)) + body for body in BODIES[:-1])


def test_blocks_nest(make_growable, form):
    buf = make_growable(b"head")
    with buf.length_prefixed(form):
        buf.write_u8(1)
        with buf.length_prefixed("varint"):
            buf.write_bytes(b"x" * 200)
            with buf.length_prefixed(form):
                pass
        buf.write_u8(2)
    inner = b"\x01" + prefixed("varint", b"x" * 200 + prefixed(form, b"")) + b"\x02"
    assert bytes(buf) == b"head" + prefixed(form, inner)
    check(buf)


def test_one_object_serves_one_block_after_the_other(make_growable, form):
    buf = make_growable(b"")
    length = buf.length_prefixed(form)
    assert len(buf) == 0, "nothing is written before the block begins"
    for body in BODIES:
        with length:
            buf.write_bytes(body)
    assert bytes(buf) == b"".join(prefixed(form, body) for body in BODIES)


def test_the_block_may_be_left_by_any_way_that_is_no_error(make_growable):
    def write(buf):
        for way in ("continue", "break"):
            with buf.length_prefixed("u8"):
                buf.write_bytes(b"ab")
                if way == "continue":
                    continue
                break
        with buf.length_prefixed("u8"):
            buf.write_u8(7)
            return

    buf = make_growable(b"")
    write(buf)
    assert bytes(buf) == b"\x02ab\x02ab\x01\x07"


def test_the_buffer_may_move_as_the_body_grows(make_growable, form):
    buf = make_growable(b"head")
    body = bytes(range(251)) * 40
    with buf.length_prefixed(form, max_length=2**16) if form != "u8" else buf.length_prefixed("u16"):
        for k in range(0, len(body), 13):
            buf.write_bytes(body[k:k + 13])
    assert bytes(buf) == b"head" + prefixed("u16" if form == "u8" else form, body)
    check(buf)


def test_a_body_of_shared_parts_is_not_copied(form):
    parts = [zbuf.copied(bytes([k]) * 600) for k in range(3)]
    buf = zbuf.CompositeByteBuf(b"head")
    with buf.length_prefixed(form, max_length=2**14) if form != "u8" else buf.length_prefixed("u16"):
        buf.write_u8(9)
        for part in parts:
            buf.append(part)
        buf.write_u8(8)
    check(buf)
    body = b"\x09" + b"".join(map(bytes, parts)) + b"\x08"
    assert bytes(buf) == b"head" + prefixed("u16" if form == "u8" else form, body)
    for part in parts:
        part[0] = 0x7F
    assert buf.count(0x7F) == 3


def test_a_body_that_starts_with_a_shared_part_is_right(form):
    part = zbuf.copied(b"p" * 100)
    buf = zbuf.CompositeByteBuf(coalesce=0)
    for _ in range(3):
        with buf.length_prefixed(form):
            buf.append(part)
        check(buf)
    assert bytes(buf) == prefixed(form, b"p" * 100) * 3
    buf.write_bytes(b"tail")
    assert bytes(buf) == prefixed(form, b"p" * 100) * 3 + b"tail"
    check(buf)


def test_a_handle_of_readonly_memory_refuses_a_length(make_readonly, form):
    buf = make_readonly(b"0123")
    with refused(zbuf.ReadOnlyError, f"^this handle of {buf.capacity} bytes is read-only$", buf):
        buf.length_prefixed(form).__enter__()


def test_a_length_without_room_is_not_begun(make_fixed, form):
    buf, size = make_fixed(b"0123456789"), FORMATS[form][0]
    buf.writer_index -= size - 1
    with refused(zbuf.CapacityError, f"^wanted room for {size} bytes, {size - 1} available$", buf):
        with buf.length_prefixed(form):
            raise AssertionError("the block has begun")


def test_max_length_says_how_much_room_a_varint_takes_meanwhile():
    for form, most, size in (("varint", 127, 1), ("varint", 128, 2), ("varint_u32", 2**14, 3), ("varint", 2**64 - 1, 9),
                             ("quic_varint", 63, 1), ("quic_varint", 64, 2), ("quic_varint", 2**30, 8)):
        buf = zbuf.buffer()
        with buf.length_prefixed(form, max_length=most):
            assert len(buf) == size
        assert bytes(buf) == b"\0"


# -- a body that is too long


def test_a_body_that_is_too_long_is_taken_back(make_growable):
    for form, most, options in (("u8", 255, {}), ("u8", 254, {"includes_length": True}), ("u16", 65535, {}),
                                ("u32", 9, {"max_length": 9}), ("varint", 200, {"max_length": 200}),
                                ("u8", 255, {"max_length": 1000}), ("u16_le", 0, {"max_length": 0})):
        buf = make_growable(b"head")
        most -= form == "u8" and "includes_length" in options and FORMATS[form][0] - 1
        told = f"^{most + 1} bytes do not fit a length as {form}, of {most} at most$"
        with taken_back(buf), refused(OverflowError, told), buf.length_prefixed(form, **options):
            buf.write_bytes(b"x" * (most + 1))
        with buf.length_prefixed(form, **options):
            buf.write_bytes(b"x" * most)
        counted = most + ("includes_length" in options)
        assert bytes(buf) == b"head" + FORMATS[form][1](counted) + b"x" * most


class taken_back:
    """After the block the buffer is as before it; a composite may have less room."""

    def __init__(self, buf):
        self.buf = buf

    def __enter__(self):
        self.capacity, self.before = self.buf.capacity, self.outline()

    def outline(self):
        buf = self.buf
        return buf.reader_index, buf.writer_index, buf.max_capacity, buf.refcnt, buf.readonly, bytes(buf)

    def __exit__(self, kind, error, trace):
        if kind is None:
            assert self.outline() == self.before
            assert self.buf.capacity == self.capacity or (
                isinstance(self.buf, zbuf.CompositeByteBuf) and self.buf.capacity < self.capacity)
            check(self.buf)


# -- an error in the block


def test_an_error_in_the_block_passes_on_and_leaves_the_buffer_as_it_was(make_growable, form):
    buf = make_growable(b"head")
    for n in (0, 3, 100, 5000):
        with taken_back(buf), pytest.raises(KeyError), buf.length_prefixed(form):
            buf.write_bytes(b"x" * n)
            raise KeyError
    buf.write_bytes(b"tail")
    assert bytes(buf) == b"headtail"
    check(buf)


def test_an_error_lets_go_of_what_the_block_appended():
    part = zbuf.copied(b"p" * 1000)
    for begin in (b"", b"head"):
        buf = zbuf.CompositeByteBuf(begin)
        capacity, writer = buf.capacity, buf.writer_index
        with pytest.raises(KeyError), buf.length_prefixed("u32"):
            buf.append(part)
            buf.append(b"small")
            raise KeyError
        assert (buf.writer_index, bytes(buf), part.refcnt) == (writer, begin, 1)
        assert buf.capacity <= capacity
        buf.write_bytes(b"more")
        assert bytes(buf) == begin + b"more"
        check(buf)


def test_an_error_takes_back_the_inner_blocks_too(make_growable):
    buf = make_growable(b"head")
    with taken_back(buf), pytest.raises(KeyError), buf.length_prefixed("u32"):
        with buf.length_prefixed("varint"):
            buf.write_u8(1)
        with buf.length_prefixed("u8"):
            raise KeyError


def test_only_the_inner_block_is_taken_back_when_its_error_is_caught(make_growable):
    buf = make_growable(b"")
    with buf.length_prefixed("u16"):
        buf.write_u8(1)
        try:
            with buf.length_prefixed("u16"):
                buf.write_bytes(b"x" * 300)
                raise KeyError
        except KeyError:
            buf.write_u8(2)
    assert bytes(buf) == b"\x00\x02\x01\x02"


def test_the_reader_does_not_stay_behind_a_writer_that_is_taken_back(make_growable):
    buf = make_growable(b"head")
    at = buf.reader_index
    with pytest.raises(KeyError), buf.length_prefixed("u32"):
        buf.write_bytes(b"body")
        buf.skip(9)
        raise KeyError
    assert (buf.reader_index, buf.writer_index) == (at + 4, at + 4)
    check(buf)


def test_an_error_stays_the_error_whatever_became_of_the_buffer(make_growable):
    for deed in (lambda buf: buf.release(), lambda buf: buf.clear()):
        buf = make_growable(b"head")
        with pytest.raises(KeyError), buf.length_prefixed("u32"):
            buf.write_bytes(b"body")
            deed(buf)
            raise KeyError
        check(buf)


# -- what else may happen inside the block


def test_the_length_goes_with_its_bytes_when_consumed_ones_are_let_go(make_growable, form):
    for let_go in (lambda buf: buf.reclaim(), lambda buf: buf.split_to(0).release(),
                   lambda buf: getattr(buf, "discard_read_parts", buf.reclaim)()):
        buf = make_growable(b"gone" * 50 + b"head")
        with buf.length_prefixed(form):
            buf.write_bytes(b"ab")
            buf.skip(200)
            let_go(buf)
            buf.write_bytes(b"c" * 40)
            let_go(buf)
        assert bytes(buf) == b"head" + prefixed(form, b"ab" + b"c" * 40)
        check(buf)


def test_the_length_is_right_after_reclaim_and_growth_in_any_order(make_growable):
    for first, second in (("grow", "reclaim"), ("reclaim", "grow")):
        buf = make_growable(b"gone" * 50)
        with buf.length_prefixed("u32"):
            for deed in (first, second):
                if deed == "grow":
                    buf.write_bytes(b"x" * 3000)
                else:
                    buf.reader_index += 150 - 50 * (first == "grow")
                    buf.reclaim()
            buf.write_bytes(b"y")
        assert bytes(buf)[-3005:] == (3001).to_bytes(4, "big") + b"x" * 3000 + b"y"
        check(buf)


def test_the_length_goes_with_its_bytes_when_parts_come_and_go(form):
    buf = zbuf.CompositeByteBuf(b"one", b"two", coalesce=0)
    with buf.length_prefixed(form):
        buf.append(b"body")
        buf.insert(0, b"zero")
        buf.remove(1)
        buf.append(b"more")
        buf.insert(4, b"between")
        buf.insert(2, b"before")
        buf.remove(6)
        check(buf)
    assert bytes(buf) == b"zerotwobefore" + prefixed(form, b"bodybetween")
    check(buf)


def test_the_length_is_right_after_consolidate(form):
    buf = zbuf.CompositeByteBuf(b"one", b"two", coalesce=0)
    with buf.length_prefixed(form):
        buf.append(b"body")
        buf.consolidate()
        buf.write_bytes(b"more")
    assert bytes(buf) == b"onetwo" + prefixed(form, b"bodymore")
    check(buf)


def test_the_body_may_be_cut_and_read_inside_the_block(make_growable, form):
    buf = make_growable(b"head")
    with buf.length_prefixed(form):
        buf.write_bytes(b"body that is cut")
        buf.writer_index -= 12
        assert buf.read_bytes(4) == b"head"
        buf.capacity = buf.writer_index
    assert bytes(buf) == prefixed(form, b"body")
    check(buf)


def test_a_reader_inside_the_body_stays_at_its_byte(make_growable, form):
    buf = make_growable(b"head")
    with buf.length_prefixed(form):
        buf.write_bytes(b"0123456789")
        buf.skip(4 + FORMATS[form][0] + 3)
    assert bytes(buf) == b"3456789"
    check(buf)


GOING_BACK = {
    "clear": lambda buf: buf.clear(),
    "writer_index": lambda buf: setattr(buf, "writer_index", buf.writer_index - 5),
    "capacity": lambda buf: setattr(buf, "capacity", buf.writer_index - 5),
    "reclaim": lambda buf: (buf.skip(len(buf) - 1), buf.reclaim()),
    "split_to": lambda buf: buf.split_to(len(buf) - 1).release(),
}


@pytest.mark.parametrize("go_back", GOING_BACK.values(), ids=GOING_BACK)
@pytest.mark.parametrize("more", [0, 1, 1000])
def test_a_length_whose_bytes_are_gone_is_an_error_and_writes_nothing(make_growable, go_back, more):
    buf = make_growable(b"0123456789" * 3)
    with refused(RuntimeError, r"^the 4 bytes for the length are no longer in the buffer, whose writer is at \d+$"):
        with buf.length_prefixed("u32"):
            buf.write_u8(1)
            go_back(buf)
            buf.write_bytes(b"\xff" * more)
            before = state(buf)
    assert state(buf) == before
    check(buf)


def test_a_length_whose_part_was_removed_is_an_error():
    buf = zbuf.CompositeByteBuf(b"one", coalesce=0)
    with refused(RuntimeError, "^the 2 bytes for the length are no longer in the buffer, whose writer is at 10$"):
        with buf.length_prefixed("u16"):
            buf.append(b"abc")
            buf.remove(1)
            buf.append(b"more")
    assert bytes(buf) == b"oneabcmore"
    check(buf)


def test_a_handle_that_was_released_inside_the_block_is_an_error(make_growable):
    buf = make_growable(b"head")
    with refused(zbuf.ReleasedError, "^this handle was released$"), buf.length_prefixed("u32"):
        buf.write_u8(1)
        buf.release()
    check(buf)


def test_a_length_is_not_opened_inside_itself(make_growable):
    buf = make_growable(b"head")
    length = buf.length_prefixed("u8")
    with length:
        buf.write_u8(7)
        with refused(RuntimeError, "^a length that is open cannot be opened again: nesting takes two of them$", buf):
            length.__enter__()
    assert bytes(buf) == b"head\x01\x07"
    with refused(RuntimeError, "^a length that is not open cannot be closed$", buf):
        length.__exit__(None, None, None)


def test_a_length_of_no_buffer_is_refused():
    kind = type(zbuf.EMPTY.length_prefixed("u8"))
    with pytest.raises(ValueError, match="^this length belongs to no buffer$"):
        kind().__enter__()
    with pytest.raises(RuntimeError, match="^a length that is not open cannot be closed$"):
        kind().__exit__(None, None, None)


def test_blocks_that_overlap_instead_of_nesting_are_right(make_growable):
    for first, second, content in (("u8", "varint", b"\x0b\x01\x02\x02\x03"), ("varint", "u8", b"\x03\x01\x02\x02\x03")):
        buf = make_growable(b"")
        outer, inner = buf.length_prefixed(first), buf.length_prefixed(second)
        outer.__enter__()
        buf.write_u8(1)
        inner.__enter__()
        buf.write_u8(2)
        outer.__exit__(None, None, None)
        buf.write_u8(3)
        inner.__exit__(None, None, None)
        assert bytes(buf) == content
        check(buf)


def test_a_block_that_outlives_the_one_around_it_is_an_error_if_that_was_taken_back(make_growable):
    for more in (b"", b"x" * 50):
        buf = make_growable(b"head")
        outer, inner = buf.length_prefixed("u8"), buf.length_prefixed("u16")
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(KeyError, KeyError(), None)
        buf.write_bytes(more)
        with refused(RuntimeError, "^the 2 bytes for the length are no longer", buf):
            inner.__exit__(None, None, None)
        assert bytes(buf) == b"head" + more


def test_blocks_on_several_buffers_do_not_know_of_each_other():
    bufs = [zbuf.copied(b"gone" * 20) for _ in range(5)]
    open_ones = [buf.length_prefixed("u16") for buf in bufs]
    for length in open_ones:
        length.__enter__()
    for k, buf in enumerate(bufs):
        buf.write_bytes(b"x" * k)
        if k % 2:
            buf.skip(60)
            buf.reclaim()
    for length in (open_ones[2], open_ones[0], open_ones[4], open_ones[3], open_ones[1]):
        length.__exit__(None, None, None)
    assert [bytes(buf)[-k - 2:] for k, buf in enumerate(bufs)] == [bytes((0, k)) + b"x" * k for k in range(5)]


def test_a_length_that_is_dropped_open_is_forgotten(make_growable):
    buf = make_growable(b"0123456789")
    for _ in range(3):
        length = buf.length_prefixed("u32")
        length.__enter__()
        del length
    gc.collect()
    buf.skip(12)
    buf.reclaim()
    buf.clear()
    check(buf)


def test_a_cycle_through_an_open_length_is_collected():
    class Mine(zbuf.CompositeByteBuf):
        pass

    before = live_blocks()
    buf = Mine(b"abc")
    buf.length = buf.length_prefixed("u8")
    buf.length.__enter__()
    assert live_blocks() == before + 1
    del buf
    gc.collect()
    assert live_blocks() == before


def test_slices_taken_inside_the_block_live_by_themselves(make_growable):
    buf = make_growable(b"head")
    with buf.length_prefixed("u16"):
        buf.write_bytes(b"body")
        part, view = buf.slice(buf.writer_index - 4, 4), buf.slice(buf.writer_index - 6, 6)
        buf.ensure_writable(0)
    buf.write_bytes(b"more" * 500)
    assert (bytes(part), bytes(view)[2:]) == (b"body", b"body")
    buf.release()
    assert (bytes(part), bytes(view)) == (b"body", b"\x00\x04body")
    check(part, view)


# -- any program of nested blocks

STEPS = st.recursive(
    st.sampled_from([b"", b"a", b"0123456789", b"y" * 130, b"z" * 700]),
    lambda steps: st.tuples(st.sampled_from(sorted(FORMATS)), st.lists(steps, max_size=4), st.booleans()),
    max_leaves=12,
)


def run(steps, buf, append):
    for step in steps:
        if isinstance(step, bytes):
            append(buf, step)
            continue
        form, inner, fails = step
        try:
            with buf.length_prefixed(form):
                run(inner, buf, append)
                if fails:
                    raise KeyError
        except (KeyError, OverflowError):
            pass
        check(buf)


def expected(steps):
    made = b""
    for step in steps:
        if isinstance(step, bytes):
            made += step
        else:
            form, inner, fails = step
            body = expected(inner)
            made += b"" if fails or form == "u8" and len(body) > 255 else prefixed(form, body)
    return made


@given(steps=st.lists(STEPS, max_size=6))
def test_nested_blocks_give_what_is_built_from_the_inside(make_growable, steps):
    appends = [lambda buf, x: buf.write_bytes(x)]
    if hasattr(make_growable(b""), "append"):
        appends.append(lambda buf, x: buf.append(zbuf.copied(x)))
    for append in appends:
        buf = make_growable(b"gone" * 10 + b"head")
        buf.skip(40)
        run(steps, buf, append)
        assert bytes(buf) == b"head" + expected(steps)


# -- reading


def test_a_prefixed_body_is_read_as_a_handle_on_its_bytes(make, form):
    buf = make(b"".join(prefixed(form, body) for body in BODIES) + b"tail")
    for k, body in enumerate(BODIES):
        frame = buf.read_prefixed(form) if k % 2 else buf.try_read_prefixed(form)
        assert (bytes(frame), frame.reader_index, frame.capacity) == (body, 0, len(body))
        check(buf, frame)
    assert bytes(buf) == b"tail"
    buf.release()
    assert bytes(frame) == BODIES[-1]


def test_every_format_is_written_and_read(make_growable):
    buf = make_growable(b"")
    for form in FORMATS:
        for body in BODIES:
            with buf.length_prefixed(form):
                buf.write_bytes(body)
    assert bytes(buf) == b"".join(prefixed(form, body) for form in FORMATS for body in BODIES)
    for form in FORMATS:
        assert [bytes(buf.read_prefixed(form)) for _ in BODIES] == BODIES
    check(buf)


def test_a_length_that_counts_itself_is_read(make, width):
    size, encode = FIXED[width]
    buf = make(encode(size) + encode(size + 3) + b"abc!")
    assert bytes(buf.read_prefixed(width, includes_length=True)) == b""
    assert bytes(buf.try_read_prefixed(width, includes_length=True)) == b"abc"
    assert bytes(buf) == b"!"


def test_a_frame_that_is_not_all_there_moves_nothing(make, form):
    body = b"0123456789" * 20
    whole, size = prefixed(form, body), len(FORMATS[form][1](len(body)))
    for n in range(len(whole)):
        buf = make(whole[:n])
        with unchanged(buf):
            assert buf.try_read_prefixed(form) is None
        wanted = len(whole) if n >= size else size if form != "quic_varint" or n else 1
        if form.startswith("varint") and n < size:
            wanted = n + 1
        with refused(zbuf.UnderflowError, f"^wanted {wanted} bytes at {buf.reader_index}, {n} readable$", buf):
            buf.read_prefixed(form)


def test_a_length_beyond_all_memory_is_an_underflow_that_tells_it(make):
    for content, form in ((b"\xff" * 8, "u64"), (b"\xff" * 8, "u64_le"), (b"\xff" * 9 + b"\x01", "varint")):
        buf = make(content + b"abc")
        with refused(zbuf.UnderflowError, f"^wanted {len(content) + 2**64 - 1} bytes at", buf):
            buf.read_prefixed(form)
        with unchanged(buf):
            assert buf.try_read_prefixed(form) is None


def test_a_length_above_the_limit_is_refused_before_its_bytes_are_there(make, form):
    buf = make(FORMATS[form][1](100) + b"x")
    for read in (buf.read_prefixed, buf.try_read_prefixed):
        with refused(ValueError, f"^a length of 100 at {buf.reader_index} is above 99$", buf):
            read(form, max_length=99)
    buf = make(FORMATS[form][1](100) + b"x" * 100)
    assert len(buf.read_prefixed(form, max_length=100)) == 100


def test_a_limit_beyond_all_memory_is_the_one_that_was_given(make):
    buf = make((2**63 + 5).to_bytes(8) + b"abc")
    for limit in (2**63 + 5, 2**64 - 1, 2**64, 2**200):
        with refused(zbuf.UnderflowError, f"^wanted {8 + 2**63 + 5} bytes at", buf):
            buf.read_prefixed("u64", max_length=limit)
        with unchanged(buf):
            assert buf.try_read_prefixed("u64", max_length=limit) is None
    for limit in (2**63 + 4, 2**63, 2**63 - 1):
        with refused(ValueError, f"^a length of {2**63 + 5} at {buf.reader_index} is above {limit}$", buf):
            buf.read_prefixed("u64", max_length=limit)


def test_a_length_that_should_count_itself_and_is_less_is_refused(make, width):
    size, encode = FIXED[width]
    for number in range(size):
        buf = make(encode(number) + b"abcdefgh")
        for read in (buf.read_prefixed, buf.try_read_prefixed):
            told = f"^a length of {number} at {buf.reader_index} does not count its own {size} bytes$"
            with refused(ValueError, told, buf):
                read(width, includes_length=True)


def test_a_varint_that_has_no_end_is_refused(make):
    for form, bits in (("varint", 64), ("varint_u32", 32)):
        buf = make(b"\xff" * 12)
        for read in (buf.read_prefixed, buf.try_read_prefixed):
            with refused(zbuf.VarintError, f"^malformed {bits}-bit varint at {buf.reader_index}$", buf):
                read(form)


def test_a_frame_of_a_readonly_handle_is_readonly(make_readonly):
    frame = make_readonly(b"\x03abc").read_prefixed("u8")
    assert (bytes(frame), frame.readonly) == (b"abc", True)


# -- arguments


def test_a_format_is_known_by_its_text_not_by_its_object():
    for form in FORMATS:
        spelled = "".join(list(form))
        assert spelled is not form
        assert bytes(zbuf.copied(prefixed(form, b"abc")).read_prefixed(spelled)) == b"abc"


def test_the_arguments_are_checked_before_anything_else(make):
    buf = make(b"\x01\x02\x03\x04" * 4)
    names = "u8, u16, u16_le, u24, u24_le, u32, u32_le, u64, u64_le, varint, varint_u32, quic_varint"
    for call in (buf.length_prefixed, buf.read_prefixed, buf.try_read_prefixed):
        for name in ("", "i32", "U32", "u32_be", "svarint", "u32 "):
            with refused(ValueError, f"^no length is written as {name!r}: it is one of {names}$", buf):
                call(name)
        with refused(TypeError, "^a length's format is a str, not 'bytes'$", buf):
            call(b"u32")
        with refused(ValueError, "^size -1 is negative$", buf):
            call("u32", max_length=-1)
        with refused(TypeError, None, buf):
            call("u32", max_length=1.0)
        with refused(TypeError, None, buf):
            call("u32", True)
        for form in ("varint", "varint_u32", "quic_varint"):
            with refused(ValueError, f"^includes_length takes a length of fixed width, not {form}$", buf):
                call(form, includes_length=True)


def test_no_foreign_code_runs_between_the_checks_and_the_bytes(make):
    """An argument that is code may do what it likes: the buffer is looked at after it."""
    class Argument(str):
        def __hash__(self):
            self.buf.release()
            return hash("u32")

        def __eq__(self, other):
            return "u32" == other

        def __index__(self):
            self.buf.release()
            return 9

        __bool__ = __index__

    for options in (lambda x: (x, {}), lambda x: ("u32", {"max_length": x})):
        for name in ("length_prefixed", "read_prefixed", "try_read_prefixed"):
            argument = Argument("u32")
            buf = argument.buf = make(b"\x00\x00\x00\x01x")
            form, named = options(argument)
            with refused(zbuf.ReleasedError, "^this handle was released$"):
                getattr(buf, name)(form, **named)
            check(buf)


def test_an_owner_that_is_let_go_may_do_what_it_likes():
    """Growth leaves wrapped memory, and its owner comes back to the buffer and the length."""
    class Owner(bytearray):
        def __del__(self):
            self.deed()

    def enter():
        with refused(RuntimeError, "cannot be closed"):
            length.__exit__(None, None, None)
        length.__enter__()

    for deed, error in ((lambda: buf.release(), zbuf.ReleasedError), (enter, RuntimeError)):
        owner = Owner(b"0123456789")
        owner.deed = deed
        buf = zbuf.CompositeByteBuf(owner, coalesce=0)
        del owner
        buf.writer_index = 0
        length = buf.length_prefixed("u32")
        with pytest.raises(error):
            length.__enter__()
        check(buf)
        if deed is enter:
            length.__exit__(None, None, None)
            assert bytes(buf) == bytes(4)
        del buf, length
