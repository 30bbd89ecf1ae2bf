"""A Redis as one is written with uvloop and bytes: python -m benchmarks.load.resp PARSER PORT."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

OK, NIL = b"+OK\r\n", b"$-1\r\n"
STRINGS: dict[bytes, bytes] = {}
LISTS: dict[bytes, deque[bytes]] = {}


def bulk(value: bytes | None) -> bytes:
    return NIL if value is None else b"$%d\r\n%b\r\n" % (len(value), value)


def get(key: bytes) -> bytes:
    return bulk(STRINGS.get(key))


def set_(key: bytes, value: bytes) -> bytes:
    STRINGS[key] = value
    return OK


def mset(*pairs: bytes) -> bytes:
    STRINGS.update(zip(pairs[::2], pairs[1::2]))
    return OK


def incr(key: bytes) -> bytes:
    n = int(STRINGS.get(key, b"0")) + 1
    STRINGS[key] = b"%d" % n
    return b":%d\r\n" % n


def lpush(key: bytes, value: bytes) -> bytes:
    items = LISTS.setdefault(key, deque())
    items.appendleft(value)
    return b":%d\r\n" % len(items)


def lpop(key: bytes) -> bytes:
    items = LISTS.get(key)
    return bulk(items.popleft() if items else None)


HANDLERS: dict[bytes, Callable[..., bytes]] = {
    b"PING": lambda: b"+PONG\r\n", b"CONFIG": lambda *_: b"*0\r\n", b"GET": get, b"SET": set_, b"MSET": mset, b"INCR": incr, b"LPUSH": lpush,
    b"LPOP": lpop,
}


def answer(asked: list[bytes]) -> bytes:
    handler = HANDLERS.get(asked[0].upper())
    if handler is None:
        return b"-ERR unknown command\r\n"
    try:
        return handler(*asked[1:])
    except TypeError:
        return b"-ERR wrong number of arguments\r\n"


class Parser:
    """What hiredis.Reader does, in Python."""

    def __init__(self) -> None:
        self._data, self._at = b"", 0

    def feed(self, data: bytes) -> None:
        self._data, self._at = self._data[self._at:] + data, 0

    def gets(self) -> Any:
        """A command, or False."""
        try:
            count, at = self._number(self._at)
            asked = []
            for _ in range(count):
                size, at = self._number(at)
                asked.append(self._data[at:at + size])
                at += size + 2
        except ValueError:
            return False
        if at > len(self._data):
            return False
        self._at = at
        return asked

    def _number(self, at: int) -> tuple[int, int]:
        end = self._data.index(b"\r\n", at)
        return int(self._data[at + 1:end]), end + 2


def parser(name: str) -> Callable[[], Any]:
    if name == "python":
        return Parser
    import hiredis

    return hiredis.Reader


class Protocol(asyncio.Protocol):
    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        replies = []
        while (asked := self._reader.gets()) is not False:
            replies.append(answer(asked))
        self._write(b"".join(replies))


async def serve(make: Callable[[], Any], port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Protocol(make()), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(parser(sys.argv[1]), int(sys.argv[2])))
