"""Imports point down: the sources keep to the layers, and the check notices who does not."""

import re
from pathlib import Path

import pytest

from layers import LAYERS, cimported_by_strangers, code_of, faults, imports

ROOT = Path(__file__).parents[2]
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "zbuf").rglob("*")
    if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}
}


def test_the_sources_keep_to_the_layers():
    assert faults(SOURCES) == []


def test_imports_are_seen_at_all():
    graph = imports(SOURCES)
    assert {"zbuf._block", "zbuf._endian", "zbuf._native", "zbuf.errors"} <= graph["zbuf._buf"]
    assert {"zbuf._buf", "zbuf._pool"} <= graph["zbuf._composite"]
    assert "zbuf.stats" in graph["zbuf._poolstats"]    # inside a function


def test_no_name_is_in_two_layers():
    names = [name for layer in LAYERS for name in layer]
    assert len(names) == len(set(names))


def test_strangers_compile_no_header():
    reached = cimported_by_strangers(SOURCES)
    assert {"zbuf._buf", "zbuf._composite", "zbuf._endian"} <= reached
    headers = re.compile(r'extern from "')
    assert [m for m in sorted(reached) if headers.search(SOURCES.get(m.replace(".", "/") + ".pxd", ""))] == []


@pytest.mark.parametrize(
    "line",
    [
        "from zbuf._buf cimport ByteBuf",
        "from zbuf._buf cimport *",
        "from zbuf import _buf",
        "from zbuf cimport _buf",
        "from . cimport _buf",
        "from ._buf import copied",
        "import zbuf._buf",
        "cimport zbuf._buf as b",
        "import os, zbuf._buf",
        "from zbuf import (  # why\n    errors,\n    _buf,\n)",
        "from zbuf import errors, \\\n    _buf",
        "def f():\n    from zbuf._buf import copied",
        "if True: import zbuf._buf",
        "x = 1; import zbuf._buf",
    ],
)
@pytest.mark.parametrize("suffix", [".pyx", ".pxd", ".py"])
def test_an_upward_import_is_found(line, suffix):
    sources = {f"zbuf/_endian{suffix}": line + "\n", "zbuf/_endian.pyi": "", "zbuf/_buf.pxd": "", "zbuf/errors.py": ""}
    assert faults(sources) == ["zbuf._endian imports zbuf._buf, which lies above it"]


@pytest.mark.parametrize(
    "text",
    [
        '"""Prose.\n\nfrom zbuf._buf import copied\n"""\n',
        "'''\nimport zbuf._buf\n'''\n",
        "# from zbuf._buf import copied\n",
        "x = 'a''''b'  # '''\n",
        "from zbufx._buf import copied\n",
        "cdef extern from 'x.h':\n    int f()\n",
    ],
)
def test_what_is_no_import_is_not_taken_for_one(text):
    assert faults({"zbuf/_endian.pxd": text, "zbuf/_buf.pxd": ""}) == []


def test_a_line_after_quotes_is_still_read():
    text = 'x = "\\""\ny = \'"""\'\nfrom zbuf._buf import copied\n'
    assert "from zbuf._buf import copied" in code_of(text)


def test_a_cycle_inside_a_layer_is_found():
    sources = {
        "zbuf/_pool.pxd": "from zbuf._arena cimport PAGE",
        "zbuf/_arena.pxd": "from zbuf._block cimport zb_block",
        "zbuf/_block.pxd": "def f():\n    from zbuf._pool cimport zb_pool",
    }
    (fault,) = faults(sources)
    assert fault.startswith("a cycle: ") and all(name in fault for name in ("zbuf._pool", "zbuf._arena", "zbuf._block"))


def test_a_cycle_of_interface_and_body_is_found():
    sources = {
        "zbuf/_foreign.pxd": "from zbuf._block cimport zb_block",
        "zbuf/_block.pxd": "",
        "zbuf/_block.pyx": "from zbuf._foreign cimport foreign_block",
        "zbuf/_block.pyi": "",
    }
    assert [fault.split(":")[0] for fault in faults(sources)] == ["a cycle"]


def test_a_cycle_inside_a_package_is_found():
    sources = {
        "zbuf/codec/__init__.py": "from zbuf.codec import lines",
        "zbuf/codec/lines.py": "from . import frames",
        "zbuf/codec/frames.py": "from .lines import split",
    }
    assert [fault.split(":")[0] for fault in faults(sources)] == ["a cycle"]


def test_only_users_come_in_through_the_door():
    door = {"zbuf/__init__.py": "from zbuf import region, io", "zbuf/region.py": "", "zbuf/__init__.pxd": ""}
    assert faults({**door, "zbuf/io.py": "", "zbuf/demo/ways.py": "import zbuf", "zbuf/__main__.py": "import zbuf"}) == []
    assert faults({**door, "zbuf/io.py": "from zbuf import copied"}) == ["zbuf.io imports zbuf itself"]
    assert faults({**door, "zbuf/io.py": "from zbuf cimport ByteBuf"}) == ["zbuf.io imports zbuf itself"]
    assert faults({**door, "zbuf/io.py": "import zbuf"}) == ["zbuf.io imports zbuf itself"]


def test_a_module_outside_the_table_is_found():
    assert faults({"zbuf/_new.pxd": ""}) == ["zbuf._new is in no layer"]


def test_an_import_of_what_is_not_there_is_found():
    assert faults({"zbuf/io.py": "import zbuf.errors"}) == ["zbuf.io imports zbuf.errors, which is not there"]


def test_an_include_is_found():
    assert faults({"zbuf/_endian.pxd": "include 'more.pxi'"}) == ["zbuf/_endian.pxd includes another file"]


def test_a_module_without_a_stub_is_found():
    assert faults({"zbuf/_search.pyx": ""}) == ["zbuf/_search.pyx has no .pyi beside it"]
