"""Variable-length integers: LEB128 of 64 and 32 bits, zigzag, QUIC."""

import pytest

import zbuf
from kinds import check, refused, unchanged


def leb(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return leb((value << 1) ^ (value >> 63) if value >= 0 else ((-value) << 1) - 1)


def quic(value):
    for prefix, size in enumerate((1, 2, 4, 8)):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 2)).to_bytes(size, "big")
    raise AssertionError(value)


def edges(bits, low=0):
    at = {0, 1, (1 << bits) - 1}
    for k in range(1, bits):
        at |= {(1 << k) - 1, 1 << k, (1 << k) + 1}
    return sorted(at)


SIGNED = sorted({v for edge in edges(63) for v in (edge, -edge, -edge - 1)})

FORMS = {
    "varint": (leb, edges(64)),
    "varint_u32": (leb, edges(32)),
    "svarint": (zigzag, SIGNED),
    "quic_varint": (quic, edges(62)),
}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def test_the_values_of_a_form_are_read_as_they_were_encoded(make, form):
    encode, values = FORMS[form]
    content = b"".join(map(encode, values))
    buf, tried = make(content), make(content)
    for value in values:
        at = buf.reader_index
        assert getattr(buf, f"read_{form}")() == value
        assert getattr(tried, f"try_read_{form}")() == value
        assert buf.reader_index == tried.reader_index == at + len(encode(value))
    check(buf, tried)
    assert len(buf) == len(tried) == 0


def test_the_values_of_a_form_are_written_as_short_as_can_be(make_growable, form):
    encode, values = FORMS[form]
    buf = make_growable(b"")
    for value in values:
        assert getattr(buf, f"write_{form}")(value) is None
    assert bytes(buf) == b"".join(map(encode, values))
    check(buf)


def test_a_number_cut_short_anywhere_moves_nothing(make, form):
    encode, values = FORMS[form]
    for value in (values[0], values[-1], values[len(values) // 2]):
        whole = encode(value)
        for n in range(len(whole)):
            buf = make(whole[:n])
            with unchanged(buf):
                assert getattr(buf, f"try_read_{form}")() is None
            wanted = (len(whole) if n else 1) if form == "quic_varint" else n + 1
            told = f"^wanted {wanted} bytes at {buf.reader_index}, {n} readable$"
            with refused(zbuf.UnderflowError, told, buf):
                getattr(buf, f"read_{form}")()


def test_a_number_may_be_longer_than_it_needs(make):
    for n in range(1, 10):
        content = b"\x81" + b"\x80" * (n - 1) + b"\x00" + b"!"
        buf = make(content)
        assert (buf.read_varint(), bytes(buf)) == (1, b"!")
        buf = make(content)
        assert (buf.try_read_svarint(), bytes(buf)) == (-1, b"!")
        if n < 5:
            buf = make(content)
            assert (buf.read_varint_u32(), bytes(buf)) == (1, b"!")
    for content, value in ((b"\x40\x01", 1), (b"\x80\0\0\x01", 1), (b"\xc0\0\0\0\0\0\0\x01", 1)):
        assert make(content).read_quic_varint() == value


@pytest.mark.parametrize("content", [
    b"\x80" * 10 + b"\x00",
    b"\xff" * 10,
    b"\xff" * 9 + b"\x02",
    b"\x80" * 9 + b"\x7f",
    b"\x80" * 9 + b"\x80",
    b"\xff" * 30,
], ids=bytes.hex)
def test_a_number_of_more_than_64_bits_is_malformed(make, content):
    buf = make(content)
    told = f"^malformed 64-bit varint at {buf.reader_index}$"
    for name in ("read_varint", "try_read_varint", "read_svarint", "try_read_svarint"):
        with refused(zbuf.VarintError, told, buf) as caught:
            getattr(buf, name)()
        assert (caught.value.kind, caught.value.at) == ("64-bit varint", buf.reader_index)


@pytest.mark.parametrize("content", [
    b"\x80\x80\x80\x80\x10",
    b"\xff\xff\xff\xff\x1f",
    b"\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x80",
    b"\x80\x80\x80\x80\x80\x00",
    b"\xff" * 12,
], ids=bytes.hex)
def test_a_number_of_more_than_32_bits_is_malformed(make, content):
    buf = make(content)
    for name in ("read_varint_u32", "try_read_varint_u32"):
        with refused(zbuf.VarintError, f"^malformed 32-bit varint at {buf.reader_index}$", buf):
            getattr(buf, name)()


LIMITS = {
    "varint": (0, 2**64 - 1),
    "varint_u32": (0, 2**32 - 1),
    "svarint": (-(2**63), 2**63 - 1),
    "quic_varint": (0, 2**62 - 1),
}


def test_what_a_form_cannot_hold_is_refused(make_growable, form):
    buf, (low, high) = make_growable(b"head"), LIMITS[form]
    write = getattr(buf, f"write_{form}")
    for value in (low - 1, high + 1, -(2**70), 2**70):
        with refused(OverflowError, rf"^{value} does not fit {low} \.\. {high}$", buf):
            write(value)
    with refused(OverflowError, "an integer of 16610 bits", buf):
        write(10**5000)
    for wrong in (1.0, "1", None, b"1"):
        with refused(TypeError, None, buf):
            write(wrong)


def test_a_number_without_room_is_not_written(make_fixed, form):
    encode, values = FORMS[form]
    buf = make_fixed(b"0123456789ab")
    end = buf.writer_index
    n = len(encode(values[-1]))
    buf.writer_index = end - n + 1
    with refused(zbuf.CapacityError, f"^wanted room for {n} bytes, {n - 1} available$", buf):
        getattr(buf, f"write_{form}")(values[-1])
    buf.writer_index = end - n
    getattr(buf, f"write_{form}")(values[-1])
    assert buf.get_bytes(end - n, n) == encode(values[-1])
