"""The table of commands, and how one is answered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .database import Database
from .integer import integer
from .reply import CommandError, Reply, error
from .request import Command

MOST_SAID = 128  # bytes of an unknown command that are told


@dataclass(slots=True)
class Client:
    """Who asks."""

    id: int
    database: Database
    name: bytes = b""


class Leaving(Exception):
    """The client wants no more; it is told OK."""


Handler = Callable[..., Reply]

_HANDLERS: dict[bytes, Handler] = {}


def command(*names: bytes) -> Callable[[Handler], Handler]:
    """Let a function of the client and the arguments answer commands."""

    def add(handler: Handler) -> Handler:
        for name in names:
            _HANDLERS[name] = _HANDLERS[name.lower()] = handler
        return handler

    return add


def count() -> int:
    return sum(name.isupper() for name in _HANDLERS)


def answers(client: Client, commands: Iterable[Command]) -> Iterator[Reply]:
    """Do commands one by one; raises Leaving."""
    for asked in commands:
        handler = _HANDLERS.get(asked[0]) or handler_of(asked)
        try:
            reply = handler(client, *asked[1:])
        except CommandError as failure:
            reply = error(str(failure))
        except TypeError:
            if takes(handler, client, *asked[1:]):
                raise
            reply = error(b"ERR wrong number of arguments for '%b' command" % asked[0].lower())
        yield reply


def handler_of(asked: Command) -> Handler:
    return _HANDLERS.get(asked[0].upper()) or (lambda *_: error(unknown(asked)))


def takes(handler: Handler, *arguments: object) -> bool:
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError:
        return False
    return True


def unknown(asked: Command) -> bytes:
    arguments = b"".join(b"'%b' " % argument[:MOST_SAID] for argument in asked[1:9])
    return b"ERR unknown command '%b', with args beginning with: %b" % (asked[0][:MOST_SAID], arguments[:MOST_SAID])


def wanted(text: bytes) -> int:
    n = integer(text)
    if n is None:
        raise CommandError("ERR value is not an integer or out of range")
    return n


def pairs(arguments: tuple[bytes, ...], name: str) -> list[tuple[bytes, bytes]]:
    """Give the arguments two by two."""
    if len(arguments) % 2 or not arguments:
        raise CommandError(f"ERR wrong number of arguments for '{name}' command")
    return [(arguments[k], arguments[k + 1]) for k in range(0, len(arguments), 2)]
