"""Commands on lists."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from .command import Client, command, wanted
from .database import List
from .reply import NIL, CommandError, Reply, array, bulk, number


@command(b"LPUSH")
def lpush(client: Client, key: bytes, first: bytes, *others: bytes) -> Reply:
    items = client.database.make(key, deque)
    items.extendleft((first, *others))
    return number(len(items))


@command(b"RPUSH")
def rpush(client: Client, key: bytes, first: bytes, *others: bytes) -> Reply:
    items = client.database.make(key, deque)
    items.extend((first, *others))
    return number(len(items))


@command(b"LPOP")
def lpop(client: Client, key: bytes, count: bytes | None = None) -> Reply:
    return pop(client, key, count, deque.popleft)


@command(b"RPOP")
def rpop(client: Client, key: bytes, count: bytes | None = None) -> Reply:
    return pop(client, key, count, deque.pop)


def pop(client: Client, key: bytes, count: bytes | None, take: Callable[[List], bytes]) -> Reply:
    most = 1 if count is None else wanted(count)
    if most < 0:
        raise CommandError("ERR value is out of range, must be positive")
    items = client.database.get(key, deque)
    if not items:
        return NIL if count is None else b"*-1\r\n"
    taken = [take(items) for _ in range(min(most, len(items)))]
    client.database.drop_if_empty(key)
    return array(taken) if count is not None else bulk(taken[0])


@command(b"LLEN")
def llen(client: Client, key: bytes) -> Reply:
    return number(len(client.database.get(key, deque)))


@command(b"LRANGE")
def lrange(client: Client, key: bytes, start: bytes, stop: bytes) -> Reply:
    items = client.database.get(key, deque)
    first, last = (max(n + len(items), 0) if n < 0 else n for n in (wanted(start), wanted(stop)))
    return array(list(islice(items, first, last + 1)) if first < len(items) else [])
