"""Commands about the connection and the server: what redis-cli, redis-benchmark and client libraries ask."""

from __future__ import annotations

import os

from .command import Client, Leaving, command, count
from .keys import compiled
from .reply import OK, CommandError, Reply, array, bulk, number, replies

VERSION = b"7.0.0"  # of the Redis whose replies these are
SETTINGS = {b"appendonly": b"no", b"databases": b"1", b"maxmemory": b"0", b"save": b""}


@command(b"PING")
def ping(client: Client, text: bytes | None = None) -> Reply:
    return b"+PONG\r\n" if text is None else bulk(text)


@command(b"ECHO")
def echo(client: Client, text: bytes) -> Reply:
    return bulk(text)


@command(b"QUIT")
def quit_(client: Client, *_: bytes) -> Reply:
    raise Leaving


@command(b"SELECT")
def select(client: Client, index: bytes) -> Reply:
    if index != b"0":
        raise CommandError("ERR DB index is out of range")
    return OK


@command(b"HELLO")
def hello(client: Client, version: bytes = b"2", *options: bytes) -> Reply:
    if version != b"2":
        raise CommandError("NOPROTO unsupported protocol version")
    if options:
        raise CommandError("ERR syntax error in HELLO")
    said = {b"server": b"redis", b"version": VERSION, b"mode": b"standalone", b"role": b"master"}
    about = [bulk(part) for field in said.items() for part in field]
    return replies([*about, bulk(b"proto"), number(2), bulk(b"id"), number(client.id), bulk(b"modules"), b"*0\r\n"])


@command(b"CLIENT")
def client_(client: Client, what: bytes, *arguments: bytes) -> Reply:
    match what.upper(), *arguments:
        case [b"ID"]:
            return number(client.id)
        case [b"GETNAME"]:
            return bulk(client.name or None)
        case [b"SETNAME", name]:
            client.name = name
            return OK
        case [b"SETINFO", _, _]:
            return OK
    raise no_such(what)


@command(b"COMMAND")
def command_(client: Client, what: bytes = b"", *_: bytes) -> Reply:
    """Nothing is known of single commands, which clients take for a server that does not tell."""
    return number(count()) if what.upper() == b"COUNT" else b"*0\r\n"


@command(b"CONFIG")
def config(client: Client, what: bytes, *patterns: bytes) -> Reply:
    if what.upper() != b"GET" or not patterns:
        raise no_such(what)
    matches = [compiled(pattern.lower()).match for pattern in patterns]
    found = [setting for setting in SETTINGS.items() if any(match(setting[0]) for match in matches)]
    return array([part for setting in found for part in setting])


@command(b"INFO")
def info(client: Client, *_: bytes) -> Reply:
    database = client.database
    keyspace = b"db0:keys=%d,expires=%d" % (len(database.values), len(database.deadlines))
    about = [b"# Server", b"redis_version:" + VERSION, b"redis_mode:standalone", b"process_id:%d" % os.getpid()]
    return bulk(b"\r\n".join([*about, b"", b"# Keyspace", keyspace if database.values else b"", b""]))


def no_such(what: bytes) -> CommandError:
    return CommandError(f"ERR unknown subcommand {ascii(what.decode('latin-1'))}")
