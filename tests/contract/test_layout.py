"""Layout: the struct module's answers, over every kind of buffer."""

import gc
import pickle
import struct

import pytest

import zbuf
from kinds import check, refused, unchanged

# format of a layout, the same for struct, values
CASES = [
    (">BHIQ", ">BHIQ", (1, 2, 3, 4)),
    ("BHIQ", ">BHIQ", (255, 65535, 2**32 - 1, 2**64 - 1)),
    ("!bhiq", ">bhiq", (-128, -(2**15), -(2**31), -(2**63))),
    ("<bhiq", "<bhiq", (127, 2**15 - 1, 2**31 - 1, 2**63 - 1)),
    ("<BHIQ", "<BHIQ", (1, 2, 3, 4)),
    (">lL", ">lL", (-5, 5)),
    (">fd", ">fd", (1.5, -0.1)),
    ("<fd", "<fd", (float("inf"), 1e300)),
    (">?B?", ">?B?", (True, 7, False)),
    (">3s2xcB", ">3s2xcB", (b"abc", b"z", 9)),
    (">3H2x0I0s", ">3H2x0s", (1, 2, 3, b"")),
    ("", ">", ()),
    (">4x", ">4x", ()),
]


@pytest.mark.parametrize(("format", "same", "values"), CASES, ids=[case[0] or "none" for case in CASES])
def test_a_layout_reads_what_struct_packs(make, format, same, values):
    layout, data = zbuf.Layout(format), struct.pack(same, *values)
    buf = make(data * 2 + b"tail")
    start = buf.reader_index
    assert (layout.size, len(layout), layout.format) == (len(data), len(values), format)
    assert layout.get(buf, start) == layout.read(buf) == values
    assert (buf.reader_index, layout.try_read(buf)) == (start + len(data), values)
    assert bytes(buf) == b"tail"
    check(buf)


@pytest.mark.parametrize(("format", "same", "values"), CASES, ids=[case[0] or "none" for case in CASES])
def test_a_layout_writes_what_struct_unpacks(make_growable, format, same, values):
    layout, data = zbuf.Layout(format), struct.pack(same, *values)
    buf = make_growable(b"head")
    layout.write(buf, *values)
    assert bytes(buf) == b"head" + data
    check(buf)


def test_fields_are_set_in_place(make_writable):
    buf = make_writable(b"\xff" * 8)
    start = buf.reader_index
    zbuf.Layout(">Hx").set(buf, start + 1, 258)
    assert bytes(buf) == b"\xff\x01\x02\x00\xff\xff\xff\xff"
    check(buf)


@pytest.mark.parametrize(("format", "value", "data"), [
    (">M", 2**24 - 1, b"\xff\xff\xff"), ("<M", 1, b"\x01\x00\x00"), (">m", -(2**23), b"\x80\x00\x00"), ("<m", -2, b"\xfe\xff\xff"),
])
def test_24_bits_have_codes_of_their_own(make_growable, format, value, data):
    buf = make_growable(b"")
    zbuf.Layout(format).write(buf, value)
    assert bytes(buf) == data
    assert zbuf.Layout(format).read(buf) == (value,)


def test_many_rows_are_read_in_one_call(make):
    rows = [(n, n * n) for n in range(100)]
    buf = make(b"".join(struct.pack(">BH", *row) for row in rows) + b"!")
    layout = zbuf.Layout(">BH")
    assert layout.read_many(buf, 60) + layout.read_many(buf, 40) == rows
    assert layout.read_many(buf, 0) == [] and bytes(buf) == b"!"
    check(buf)


def test_a_layout_of_nothing_is_read_any_number_of_times(make):
    buf = make(b"a")
    assert zbuf.Layout("").read_many(buf, 3) == [(), (), ()]
    assert bytes(buf) == b"a"


def test_a_layout_longer_than_its_scratch_is_written_too(make_growable):
    buf = make_growable(b"")
    zbuf.Layout("300sH").write(buf, b"x" * 300, 7)
    assert bytes(buf) == b"x" * 300 + b"\x00\x07"
    check(buf)


def test_short_reads_move_nothing(make):
    buf, layout = make(b"1234567"), zbuf.Layout(">Q")
    with refused(zbuf.UnderflowError, f"wanted 8 bytes at {buf.reader_index}, 7 readable", buf):
        layout.read(buf)
    with refused(zbuf.UnderflowError, "wanted 8 bytes", buf):
        zbuf.Layout(">I").read_many(buf, 2)
    for index in (-1, buf.writer_index - 7, 2**63):
        with refused(IndexError, "8 bytes at .* are not inside the .* written ones", buf):
            layout.get(buf, index)
    with unchanged(buf):
        assert layout.try_read(buf) is None


def test_a_count_of_rows_that_no_memory_holds_is_refused(make):
    buf, layout = make(b"12345678"), zbuf.Layout(">Q")
    with refused(ValueError, "size -1 is negative", buf):
        layout.read_many(buf, -1)
    with refused(OverflowError, f"{2**63 - 1} times 8 bytes", buf):
        layout.read_many(buf, 2**63)
    with refused(zbuf.UnderflowError, f"wanted {8 * 10**6} bytes", buf):
        layout.read_many(buf, 10**6)
    with refused(TypeError, "integer", buf):
        layout.read_many(buf, 1.5)


@pytest.mark.parametrize(("format", "values", "error", "message"), [
    (">BH", (1,), ValueError, "1 values for the 2 fields of '>BH'"),
    (">BH", (1, 2, 3), ValueError, "3 values for the 2 fields"),
    (">B", (256,), OverflowError, "256 does not fit 0 .. 255"),
    (">B", (-1,), OverflowError, "-1 does not fit"),
    (">h", (2**15,), OverflowError, "32768 does not fit -32768 .. 32767"),
    (">m", (2**23,), OverflowError, "does not fit -8388608 .. 8388607"),
    (">Q", (2**64,), OverflowError, "does not fit"),
    (">q", (2**63,), OverflowError, "does not fit"),
    (">f", (1e39,), OverflowError, "does not fit a 32-bit float"),
    (">I", ("1",), TypeError, "integer"),
    (">d", (b"1",), TypeError, ""),
    (">3s", (b"ab",), ValueError, "2 bytes for a field of 3"),
    (">c", (b"",), ValueError, "0 bytes for a field of 1"),
    (">s", (1,), TypeError, "bytes-like"),
])
def test_values_that_do_not_fit_change_nothing(make_growable, format, values, error, message):
    buf = make_growable(b"0123456789")
    for act in (zbuf.Layout(format).write, lambda buf, *values: zbuf.Layout(format).set(buf, buf.reader_index, *values)):
        with refused(error, message, buf):
            act(buf, *values)


@pytest.mark.parametrize(("format", "message"), [
    ("@I", "layout '@I': no code '@' at 0"),
    ("=I", "no code '=' at 0"),
    (">>I", "no code '>' at 1"),
    ("I I", "no code ' ' at 1"),
    ("I3", "a count without a code at 2"),
    ("z", "no code 'z' at 0"),
    ("\u0661I", "no code"),
    ("1048577s", "a count above 1048576 at 6"),
    ("1048576sB", "more than 1048576 bytes at 8"),
    ("99999999999999999999I", "a count above 1048576"),
])
def test_a_format_that_means_nothing_is_refused(format, message):
    with pytest.raises(zbuf.LayoutError, match=message.replace("'", ".")) as caught:
        zbuf.Layout(format)
    assert caught.value.format == format and isinstance(caught.value, ValueError)


@pytest.mark.parametrize("format", [None, b">I", 3])
def test_a_format_is_a_str(format):
    with pytest.raises(TypeError, match="a layout's format is a str"):
        zbuf.Layout(format)


def test_a_released_or_foreign_buffer_is_refused():
    layout, buf = zbuf.Layout(">I"), zbuf.copied(b"12345678")
    buf.release()
    for act in (layout.read, layout.try_read, lambda b: layout.read_many(b, 1), lambda b: layout.get(b, 0),
                lambda b: layout.write(b, 1), lambda b: layout.set(b, 0, 1)):
        with pytest.raises(zbuf.ReleasedError, match="this handle was released"):
            act(buf)
        for wrong in (b"12345678", None):
            with pytest.raises(TypeError):
                act(wrong)


def test_writes_to_read_only_buffers_are_refused(make_readonly):
    buf = make_readonly(b"12345678")
    with refused(zbuf.ReadOnlyError, "read-only", buf):
        zbuf.Layout(">I").write(buf, 1)
    with refused(zbuf.ReadOnlyError, "read-only", buf):
        zbuf.Layout(">I").set(buf, buf.reader_index, 1)


def test_a_collector_that_releases_the_buffer_is_survived():
    layout = zbuf.Layout(">BBBB")
    buf = zbuf.copied(b"1234" * 2000)

    def let_go(phase, info):
        if not buf.released:
            buf.release()

    before = gc.get_threshold()
    gc.callbacks.append(let_go)
    gc.set_threshold(1)
    try:
        with pytest.raises(zbuf.ReleasedError):
            for _ in range(100):
                layout.read_many(buf, 500)
                gc.collect()    # where it does not come in the middle by itself
                buf.reader_index = 0
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(let_go)


def test_layouts_are_pickled_and_shown():
    layout = zbuf.Layout(">BH")
    assert repr(layout) == "zbuf.Layout('>BH')"
    assert pickle.loads(pickle.dumps(layout)).format == ">BH"
