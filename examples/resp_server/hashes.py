"""Commands on hashes."""

from __future__ import annotations

from .command import Client, command, pairs
from .reply import Reply, array, bulk, number


@command(b"HSET")
def hset(client: Client, key: bytes, *arguments: bytes) -> Reply:
    fields = pairs(arguments, "hset")
    found = client.database.make(key, dict)
    before = len(found)
    found.update(fields)
    return number(len(found) - before)


@command(b"HGET")
def hget(client: Client, key: bytes, field: bytes) -> Reply:
    return bulk(client.database.get(key, dict).get(field))


@command(b"HDEL")
def hdel(client: Client, key: bytes, first: bytes, *others: bytes) -> Reply:
    found = client.database.get(key, dict)
    count = sum(found.pop(field, None) is not None for field in (first, *others))
    client.database.drop_if_empty(key)
    return number(count)


@command(b"HLEN")
def hlen(client: Client, key: bytes) -> Reply:
    return number(len(client.database.get(key, dict)))


@command(b"HGETALL")
def hgetall(client: Client, key: bytes) -> Reply:
    return array([part for field in client.database.get(key, dict).items() for part in field])
