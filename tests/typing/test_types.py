"""The types that zbuf declares: mypy accepts what works, refuses what does not, and they are true."""

import inspect
import os
import re
import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import zbuf

HERE = Path(__file__).parent
HOME = Path(zbuf.__file__).parent.parent
PYPROJECT = HERE.parent.parent / "pyproject.toml"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that runs a module of mypy where nothing but zbuf is found; (exit status, output)."""
    folder = tmp_path_factory.mktemp("mypy")
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    if "site-packages" not in HOME.parts:
        environment |= {"MYPYPATH": str(HOME), "PYTHONPATH": str(HOME)}

    def run(*arguments):
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    return run


@pytest.fixture(scope="module")
def mypy(run):
    return lambda *arguments: run("mypy", "--strict", "--config-file=", *arguments)


def test_mypy_accepts_a_program_that_is_right(mypy):
    assert mypy(str(HERE / "good.py")) == (0, "Success: no issues found in 1 source file\n")


def test_the_program_does_what_its_types_say():
    runpy.run_path(str(HERE / "good.py"), run_name="__main__")


def test_mypy_refuses_just_the_lines_that_are_wrong(mypy):
    lines = (HERE / "bad.py").read_text().splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# error")}
    status, output = mypy(str(HERE / "bad.py"))
    refused = {int(number) for number in re.findall(r"bad\.py:(\d+): error:", output)}
    assert (status, refused) == (1, wrong), output
    assert len(wrong) >= 60


def test_the_package_itself_is_typed(mypy):
    status, output = mypy("-p", "zbuf")
    assert status == 0, output
    assert int(re.fullmatch(r"Success: no issues found in (\d+) source files\n", output)[1]) >= 20


def test_the_stubs_agree_with_what_runs(run):
    # An entry of the list that is not needed any more is an error too.
    status, output = run("mypy.stubtest", "zbuf", "--concise", "--allowlist", str(HERE / "stubtest-allowlist.txt"))
    assert status == 0, output


def test_every_module_that_is_compiled_has_a_stub():
    package = Path(zbuf.__file__).parent
    compiled = {path.name.partition(".")[0] for path in package.glob("*.so")}
    assert len(compiled) >= 10
    assert compiled <= {path.stem for path in package.glob("*.pyi")}
    assert (package / "py.typed").is_file()


@pytest.mark.parametrize(("function", "signature"), [
    (zbuf.ByteBuf.read_u32, "(self, /)"),
    (zbuf.ByteBuf.write_bytes, "(self, data, /)"),
    (zbuf.ByteBuf.read_str, "(self, size, encoding='utf-8', errors='strict', /)"),
    (zbuf.ByteBuf.length_prefixed, "(self, format, /, *, includes_length=False, max_length=None)"),
    (zbuf.CompositeByteBuf.views, "(self, limit=1024, /)"),
    (zbuf.Layout.read, "(self, buf, /)"),
    (zbuf.FileRegion.open, "(path, offset=0, count=None, /, *, stable=None)"),
    (zbuf.OutboundBuffer.flush_to, "(self, /, sock, *, max_bytes=None, max_calls=None, cold='block')"),
    (zbuf.Allocator.stats, "(self, /)"),
    (zbuf.buffer, "(capacity=256, max_capacity=None, /, *, headroom=0)"),
    (zbuf.copied, "(data, /)"),
    (zbuf.wrap, "(obj, /, *more)"),
    (zbuf.CompositeByteBuf, "(*parts, coalesce=512)"),
    (zbuf.Layout, "(format, /)"),
    (zbuf.FileRegion, "(file, offset, count=None, /, *, close=False, stable=None)"),
    (zbuf.OutboundBuffer, "(*, high=65536, low=32768, coalesce=2048, on_writable=None)"),
    (zbuf.PooledAllocator, "(*, max_cached=67108864, max_live=None, decay=10.0, zeroed=False, sensitive=False)"),
    (zbuf.SystemAllocator, "(*, max_live=None, zeroed=False, sensitive=False)"),
    (zbuf.DebugAllocator, "(*, max_live=None, quarantine=16777216)"),
    (zbuf.ByteBuf.touch, "(self, hint=None, /)"),
    (zbuf.CompositeByteBuf.compact_if, "(self, ratio, /)"),
    (zbuf.Searcher, "(*patterns)"),
    (zbuf.Searcher.find, "(self, data, /)"),
    (zbuf.codec.FrameDecoder.feed, "(self, data, /)"),
    (zbuf.codec.LengthFieldDecoder,
     "(max_frame_length, /, *, offset=0, width=4, adjustment=0, strip=0, byteorder='big', fail_fast=True)"),
    (zbuf.codec.LineDecoder, "(max_frame_length, /, *, strip=True, fail_fast=False)"),
    (zbuf.codec.DelimiterDecoder, "(max_frame_length, /, *delimiters, strip=True, fail_fast=True)"),
    (zbuf.codec.FixedLengthDecoder, "(frame_length, /)"),
    (zbuf.codec.VarintLengthDecoder, "(max_frame_length, /)"),
    (zbuf.codec.LengthFieldPrepender, "(width=4, /, *, adjustment=0, includes_length=False, byteorder='big')"),
    (zbuf.codec.VarintLengthPrepender, "()"),
    (zbuf.relay.Relay, "(source, target, /, *, tap=None, half_close=True)"),
    (zbuf.relay.Relay.step, "(self, max_bytes=4194304, /)"),
    (zbuf.relay.one_way, "(source, target, /, *, tap=None, half_close=True, timeout=None)"),
    (zbuf.relay.run, "(*relays, timeout=None)"),
    (zbuf.direct.DirectFile, "(path, mode='r', /, *, buffered=False, dsync=False)"),
    (zbuf.direct.DirectFile.read_into, "(self, buf, offset, size=None, /)"),
    (zbuf.direct.aligned_buffer, "(capacity, align=4096, /, *, allocator=None)"),
    (zbuf.zerocopy.ZeroCopySender, "(sock, /, *, least=32768)"),
    (zbuf.zerocopy.ZeroCopySender.drain, "(self, timeout=None, /)"),
    (zbuf.codec.FramePrepender.encode_into, "(self, message, target, /)"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_a_signature_is_there_for_help_and_inspect(function, signature):
    assert str(inspect.signature(function)) == signature


def test_the_version_is_that_of_the_project():
    if PYPROJECT.is_file():
        declared = re.search(r'^version = "(.+)"', PYPROJECT.read_text(), re.MULTILINE)[1]
    else:
        declared = metadata.version("zbuf")
    assert zbuf.__version__ == declared
