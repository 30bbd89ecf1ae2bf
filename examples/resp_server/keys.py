"""Commands on keys, whatever they hold."""

from __future__ import annotations

import re
from collections import deque
from fnmatch import translate
from functools import lru_cache

from .command import Client, command, pairs, wanted
from .reply import OK, CommandError, Reply, array, number, replies

LONGEST_LIFE = 1e10  # seconds
KINDS: dict[type, bytes] = {deque: b"list", set: b"set", dict: b"hash"}  # else it is a string

_BRACKET = re.compile(r"\\([*?[])")


def lifetime(text: bytes, unit: float, name: str) -> float:
    """Give seconds, more than none."""
    seconds = wanted(text) * unit
    if not 0 < seconds <= LONGEST_LIFE:
        raise CommandError(f"ERR invalid expire time in '{name}' command")
    return seconds


@command(b"DEL", b"UNLINK")
def delete(client: Client, first: bytes, *others: bytes) -> Reply:
    return number(sum(map(client.database.drop, (first, *others))))


@command(b"EXISTS")
def exists(client: Client, first: bytes, *others: bytes) -> Reply:
    return number(sum(key in client.database.values for key in (first, *others)))


@command(b"TYPE")
def kind(client: Client, key: bytes) -> Reply:
    value = client.database.values.get(key)
    return b"+%b\r\n" % (b"none" if value is None else KINDS.get(type(value), b"string"))


@command(b"EXPIRE")
def expire(client: Client, key: bytes, seconds: bytes) -> Reply:
    return let_expire(client, key, seconds, 1.0, "expire")


@command(b"PEXPIRE")
def pexpire(client: Client, key: bytes, milliseconds: bytes) -> Reply:
    return let_expire(client, key, milliseconds, 1e-3, "pexpire")


def let_expire(client: Client, key: bytes, text: bytes, unit: float, name: str) -> Reply:
    if key not in client.database.values:
        return number(0)
    if wanted(text) <= 0:
        client.database.drop(key)
    else:
        client.database.expire(key, lifetime(text, unit, name))
    return number(1)


@command(b"TTL")
def ttl(client: Client, key: bytes) -> Reply:
    return number(left(client, key, 1.0))


@command(b"PTTL")
def pttl(client: Client, key: bytes) -> Reply:
    return number(left(client, key, 1e-3))


def left(client: Client, key: bytes, unit: float) -> int:
    at = client.database.deadlines.get(key)
    if at is None:
        return -1 if key in client.database.values else -2
    return round((at - client.database.now) / unit)


@command(b"PERSIST")
def persist(client: Client, key: bytes) -> Reply:
    return number(client.database.deadlines.pop(key, None) is not None)


@command(b"KEYS")
def keys(client: Client, pattern: bytes) -> Reply:
    return array(matching(client, pattern))


@command(b"SCAN")
def scan(client: Client, cursor: bytes, *options: bytes) -> Reply:
    """All keys at once: COUNT is a hint, and so nothing is missed."""
    wanted(cursor)
    given = {name.upper(): value for name, value in pairs(options, "scan")} if options else {}
    if given.keys() - {b"MATCH", b"COUNT"}:
        raise CommandError("ERR syntax error")
    return replies([b"$1\r\n0\r\n", array(matching(client, given.get(b"MATCH", b"*")))])


def matching(client: Client, pattern: bytes) -> list[bytes]:
    matches = compiled(pattern).match
    return [key for key in client.database.values if matches(key)]


@lru_cache(maxsize=64)
def compiled(pattern: bytes) -> re.Pattern[bytes]:
    glob = _BRACKET.sub(r"[\1]", pattern.decode("latin-1")).replace("[^", "[!")
    return re.compile(translate(glob).encode("latin-1"))


@command(b"DBSIZE")
def dbsize(client: Client) -> Reply:
    return number(len(client.database.values))


@command(b"FLUSHALL", b"FLUSHDB")
def flushall(client: Client, *how: bytes) -> Reply:
    client.database.clear()
    return OK
