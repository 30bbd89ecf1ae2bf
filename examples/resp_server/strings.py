"""Commands on strings."""

from __future__ import annotations

import zbuf

from .command import Client, command, pairs, wanted
from .database import Database
from .integer import fits
from .keys import lifetime
from .reply import NIL, OK, CommandError, Reply, String, array, bulk, number
from .request import BUFFER_FROM, LONGEST_BULK

UNITS = {b"EX": 1.0, b"PX": 1e-3}


@command(b"GET")
def get(client: Client, key: bytes) -> Reply:
    return bulk(client.database.string(key))


@command(b"SET")
def set_(client: Client, key: bytes, value: String, *options: bytes) -> Reply:
    if not options:
        client.database.put(key, value)
        return OK
    return set_if(client.database, key, value, options)


def set_if(database: Database, key: bytes, value: String, options: tuple[bytes, ...]) -> Reply:
    seconds, condition = None, b""
    words = iter(options)
    for word in map(bytes.upper, words):
        if word in UNITS and seconds is None and (text := next(words, None)) is not None:
            seconds = lifetime(text, UNITS[word], "set")
        elif word in (b"NX", b"XX") and condition in (b"", word):
            condition = word
        else:
            raise CommandError("ERR syntax error")
    if condition and (key in database.values) != (condition == b"XX"):
        return NIL
    database.put(key, value)
    if seconds is not None:
        database.expire(key, seconds)
    return OK


@command(b"MGET")
def mget(client: Client, first: bytes, *others: bytes) -> Reply:
    values = client.database.values
    found = [values.get(key) for key in (first, *others)]
    return array([value if isinstance(value, (bytes, zbuf.ByteBuf)) else None for value in found])


@command(b"MSET")
def mset(client: Client, *arguments: bytes) -> Reply:
    for key, value in pairs(arguments, "mset"):
        client.database.put(key, value)
    return OK


@command(b"STRLEN")
def strlen(client: Client, key: bytes) -> Reply:
    return number(len(client.database.string(key) or b""))


@command(b"APPEND")
def append(client: Client, key: bytes, tail: bytes) -> Reply:
    value = client.database.string(key) or b""
    size = len(value) + len(tail)
    if size > LONGEST_BULK:
        raise CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    client.database.values[key] = bytes(value) + tail if size < BUFFER_FROM else grown(value, tail)
    return number(size)


def grown(value: String, tail: bytes) -> zbuf.ByteBuf:
    # Who was sent the value shares its memory, but looks at nothing behind it.
    if not isinstance(value, zbuf.ByteBuf) or value.max_capacity < len(value) + len(tail):
        before, value = value, zbuf.buffer(2 * len(value))
        value.write_bytes(before)
    value.write_bytes(tail)
    return value


@command(b"INCR")
def incr(client: Client, key: bytes) -> Reply:
    return add(client.database, key, 1)


@command(b"DECR")
def decr(client: Client, key: bytes) -> Reply:
    return add(client.database, key, -1)


@command(b"INCRBY")
def incrby(client: Client, key: bytes, step: bytes) -> Reply:
    return add(client.database, key, wanted(step))


@command(b"DECRBY")
def decrby(client: Client, key: bytes, step: bytes) -> Reply:
    return add(client.database, key, -wanted(step))


def add(database: Database, key: bytes, step: int) -> Reply:
    n = wanted(bytes(database.string(key) or b"0")) + step
    if not fits(n):
        raise CommandError("ERR increment or decrement would overflow")
    database.values[key] = b"%d" % n  # and its deadline stays
    return number(n)
