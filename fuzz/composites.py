"""Composites are built, cut, shared and walked as the model of the tests has it."""

import zbuf
from fuzz.machine import drive
from fuzz.reader import Reader
from test_composite_model import Composites


class OfPool(Composites):
    Allocator = zbuf.PooledAllocator


def run(data: Reader) -> None:
    pooled = isinstance(zbuf.default_allocator(), zbuf.PooledAllocator)
    drive(OfPool() if pooled else Composites(), data)
