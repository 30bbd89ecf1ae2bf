"""Bytes as people read them: offset, hexadecimal, text."""

__all__ = ["hexdump"]


def hexdump(data: bytes, start: int = 0) -> str:
    r"""Lay bytes out sixteen to a line, the first one numbered `start`.

    >>> print(zbuf.hexdump.hexdump(b"GET / HTTP/1.1\r\n\r\n"))
    00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|
    00000010  0d 0a                                             |..|

    Returns: lines joined by newlines, none at the end; "" for no bytes.
    """
    rows = (data[i : i + 16] for i in range(0, len(data), 16))
    return "\n".join(_row(start + 16 * k, row) for k, row in enumerate(rows))


def _row(offset: int, row: bytes) -> str:
    left, right = row[:8].hex(" "), row[8:].hex(" ")
    text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
    return f"{offset:08x}  {left:<23}  {right:<23}  |{text}|"
