"""Servers on loops of both kinds."""

import shutil

import pytest
from serving import FileServer, Server


@pytest.fixture(scope="session", params=[(), ("--uvloop",)], ids=["asyncio", "uvloop"])
def loop(request):
    """The options for a loop of each kind."""
    return request.param


@pytest.fixture
def serve(loop, tmp_path):
    """A function that starts a file server of tmp_path / "root", where files may be made; it must not complain."""
    servers = []
    (tmp_path / "root").mkdir()

    def start(*options):
        servers.append(FileServer(tmp_path / "root", *loop, *options))
        return servers[-1]

    yield start
    for server in servers:
        assert server.stop() == ""


@pytest.fixture(scope="session")
def shared(loop, tmp_path_factory):
    root = tmp_path_factory.mktemp("served") / "root"
    root.mkdir()
    server = FileServer(root, *loop)
    yield server
    assert server.stop() == ""


@pytest.fixture
def server(shared):
    """A server that others had before, and have left; its root is empty."""
    shared.until_idle()
    shutil.rmtree(shared.root)
    shared.root.mkdir()
    return shared


@pytest.fixture(scope="session")
def redis(loop):
    """A Redis server that others had before."""
    server = Server("resp_server", *loop)
    yield server
    assert server.stop() == ""
