"""Commands on sets."""

from __future__ import annotations

from .command import Client, command
from .reply import Reply, array, bulk, number


@command(b"SADD")
def sadd(client: Client, key: bytes, first: bytes, *others: bytes) -> Reply:
    members = client.database.make(key, set)
    before = len(members)
    members.update((first, *others))
    return number(len(members) - before)


@command(b"SREM")
def srem(client: Client, key: bytes, first: bytes, *others: bytes) -> Reply:
    members = client.database.get(key, set)
    before = len(members)
    members.difference_update((first, *others))
    client.database.drop_if_empty(key)
    return number(before - len(members))


@command(b"SPOP")
def spop(client: Client, key: bytes) -> Reply:
    members = client.database.get(key, set)
    taken = bulk(members.pop() if members else None)
    client.database.drop_if_empty(key)
    return taken


@command(b"SCARD")
def scard(client: Client, key: bytes) -> Reply:
    return number(len(client.database.get(key, set)))


@command(b"SISMEMBER")
def sismember(client: Client, key: bytes, member: bytes) -> Reply:
    return number(member in client.database.get(key, set))


@command(b"SMEMBERS")
def smembers(client: Client, key: bytes) -> Reply:
    return array(client.database.get(key, set))
