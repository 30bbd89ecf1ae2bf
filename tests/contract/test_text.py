"""Text: read_str, get_str, write_str, set_str."""

import codecs

import pytest

import zbuf
from kinds import check, refused, unchanged

TEXTS = ["", "a", "h\xe9llo", "\u20ac\U0001f600", "\x00\x7f", "x" * 3000]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig"])
def test_text_is_read_as_it_was_written(make_growable, encoding):
    for text in TEXTS:
        buf = make_growable(b"")
        data = text.encode(encoding)
        at = buf.writer_index
        assert buf.write_str(text, encoding) == len(data)
        assert bytes(buf) == data
        assert buf.get_str(at, len(data), encoding) == text
        assert buf.read_str(len(data), encoding) == text
        assert buf.reader_index == at + len(data)
        check(buf)


def test_text_is_utf8_unless_told_otherwise(make):
    buf = make("h\xe9\u20ac!".encode())
    at = buf.reader_index
    assert buf.get_str(at + 1, 2) == "\xe9"
    assert buf.read_str(3) == "h\xe9"
    assert buf.read_str(3, "utf-8", "strict") == "\u20ac"
    assert buf.read_str(1, "latin-1", "replace") == "!"


def test_text_is_set_and_no_index_moves(make_writable):
    buf = make_writable(b"0123456789")
    at, end = buf.reader_index, buf.writer_index
    assert buf.set_str(at + 1, "\xe9\u20ac") == 5
    assert buf.set_str(at + 7, "A\xe9", "latin-1") == 2
    assert buf.set_str(at, "") == 0
    assert bytes(buf) == b"0\xc3\xa9\xe2\x82\xac6A\xe99"
    assert (buf.reader_index, buf.writer_index) == (at, end)


def test_malformed_text_moves_nothing(make):
    buf = make(b"ab\xff\xfecd")
    at = buf.reader_index
    with refused(UnicodeDecodeError, "invalid start byte", buf):
        buf.read_str(4)
    with refused(UnicodeDecodeError, "ordinal not in range", buf):
        buf.get_str(at, 4, "ascii")
    with refused(LookupError, "unknown encoding: no-such", buf):
        buf.read_str(2, "no-such")
    with refused(LookupError, "unknown error handler name", buf):
        buf.read_str(4, "ascii", "no-such")
    assert buf.read_str(4, "ascii", "replace") == "ab\ufffd\ufffd"
    assert buf.read_str(2, "ascii", "no-such") == "cd"


def test_text_cut_inside_a_character_moves_nothing(make):
    buf = make("\u20ac\u20ac".encode())
    for n in (1, 2, 4, 5):
        with refused(UnicodeDecodeError, "unexpected end of data", buf):
            buf.read_str(n)
    assert buf.read_str(4, "utf-8", "ignore") == "\u20ac"


def test_what_cannot_be_encoded_changes_nothing(make_mutable):
    buf = make_mutable(b"0123456789")
    at = buf.reader_index
    for text, encoding, errors, error in (
        ("a\ud800", "utf-8", "strict", UnicodeEncodeError),
        ("a\xe9", "ascii", "strict", UnicodeEncodeError),
        ("a", "no-such", "strict", LookupError),
        ("\xe9", "ascii", "no-such", LookupError),
        ("\xe9", "rot13", "strict", LookupError),
    ):
        with refused(error, None, buf):
            buf.write_str(text, encoding, errors)
        with refused(error, None, buf):
            buf.set_str(at, text, encoding, errors)
    assert buf.write_str("\ud800\xe9", "ascii", "xmlcharrefreplace") == 14
    assert buf.set_str(at, "\ud800", "utf-8", "surrogatepass") == 3
    check(buf)


def test_text_is_text_and_encodings_are_names(make_growable):
    buf = make_growable(b"0123456789")
    for wrong in (b"bytes", 5, None, ["a"]):
        with refused(TypeError, f"text is a str, not '{type(wrong).__name__}'", buf):
            buf.write_str(wrong)
        with refused(TypeError, f"text is a str, not '{type(wrong).__name__}'", buf):
            buf.set_str(0, wrong)
    for wrong in (b"utf-8", 5, None):
        with refused(TypeError, None, buf):
            buf.read_str(1, wrong)
        with refused(TypeError, None, buf):
            buf.write_str("a", wrong)
        with refused(TypeError, None, buf):
            buf.set_str(0, "a", "utf-8", wrong)
        with refused(TypeError, None, buf):
            buf.get_str(0, 1, "utf-8", wrong)


def test_a_subclass_of_str_is_text(make_mutable):
    class Text(str):
        pass

    buf = make_mutable(b"0123456789")
    assert buf.write_str(Text("ab")) == 2
    assert buf.set_str(buf.reader_index, Text("cd"), Text("ascii")) == 2
    assert buf.read_str(12, Text("utf-8"), Text("strict")) == "cd23456789ab"


def test_an_encode_that_gives_no_bytes_is_refused(make_mutable):
    class Odd(str):
        def encode(self, encoding, errors):
            return answer

    buf = make_mutable(b"0123456789")
    for answer in (None, 5, "text", bytearray(b"x")):
        with unchanged(buf), pytest.raises(TypeError):
            buf.write_str(Odd("abc"), "latin-1")
        with unchanged(buf), pytest.raises(TypeError):
            buf.set_str(0, Odd("abc"), "latin-1")


def test_room_is_taken_for_the_bytes_of_the_text_and_no_more(make_fixed):
    buf = make_fixed(b"0123456789")
    end = buf.writer_index
    buf.writer_index = end - 3
    with refused(zbuf.CapacityError, "^wanted room for 4 bytes, 3 available$", buf):
        buf.write_str("\u20acx")
    assert buf.write_str("\u20ac") == 3
    assert bytes(buf) == b"0123456\xe2\x82\xac"


def test_an_error_handler_sees_a_copy(make):
    buf = make(b"ab\xffcd")
    seen = []

    def handler(error):
        seen.append(error.object)
        return "?", error.end

    codecs.register_error("zbuf-look", handler)
    assert buf.read_str(5, "ascii", "zbuf-look") == "ab?cd"
    assert seen == [b"ab\xffcd"] and type(seen[0]) is bytes
