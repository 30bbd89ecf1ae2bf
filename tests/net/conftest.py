"""Pairs of connected sockets, closed at the end of the test."""

import contextlib

import pytest
from ends import tcp_pair
from wire import PATIENCE, unix_pair


@pytest.fixture(params=[tcp_pair, unix_pair], ids=["tcp", "unix"])
def connect(request):
    """A function that connects (ours, theirs); both are closed at the end."""
    with contextlib.ExitStack() as stack:

        def pair(**rooms):
            both = request.param(**rooms)
            for sock in both:
                stack.enter_context(sock)
            both[1].settimeout(PATIENCE)
            return both

        yield pair


@pytest.fixture
def connect_tcp():
    """The same for TCP alone."""
    with contextlib.ExitStack() as stack:

        def pair(**rooms):
            both = tcp_pair(**rooms)
            for sock in both:
                stack.enter_context(sock)
            both[1].settimeout(PATIENCE)
            return both

        yield pair
