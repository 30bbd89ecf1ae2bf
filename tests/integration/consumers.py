"""The table: all consumers, and which of them are here."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from .pypi import HEAVY, LIGHT
from .standard import STANDARD
from .trial import Consumer


def packaged(table: list[tuple[str, list[Consumer]]]) -> list[Consumer]:
    return [replace(consumer, package=package) for package, consumers in table for consumer in consumers]


CONSUMERS = [*STANDARD, *packaged(LIGHT), *packaged(HEAVY)]


def installed(package: str) -> str | None:
    """Its version, if it is here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


HERE = [consumer for consumer in CONSUMERS if not consumer.package or installed(consumer.package)]
