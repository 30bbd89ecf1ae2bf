"""docs/netty.md: every public method of Netty is there, and what it says of zbuf exists."""

import ast
import builtins
import importlib
import inspect
import io
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

import zbuf
from netty.codecs import CODEC_RULES
from netty.deviations import RULES

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "netty.md"
LISTS = [HERE / "netty" / name for name in ("methods-4.1.48.txt", "methods-4.2.8-added.txt")]

# A class's methods may stand in the table of what it extends.
EXTENDS = {"ByteBuf": "ReferenceCounted", "CompositeByteBuf": "ByteBuf", "FileRegion": "ReferenceCounted",
           "DefaultFileRegion": "FileRegion"}


@dataclass(frozen=True)
class Row:
    section: str      # the Netty class of the table, or the heading
    cells: tuple[str, ...]


def rows(text):
    """The rows of all tables, without their heads."""
    section, previous = "", ""
    for line in text.splitlines():
        if line.startswith("#"):
            section = (re.match(r"#+ `(\w+)`", line) or re.match(r"#+ (.+)", line))[1]
        elif line.startswith("| ") and previous.startswith("| ") and not line.startswith("| ---"):
            yield Row(section, tuple(cell.strip() for cell in line.strip("|").split("|")))
        previous = line


TEXT = PAGE.read_text()
ROWS = list(rows(TEXT))
METHODS = [row for row in ROWS if len(row.cells) == 3]
DEVIATIONS = [row for row in ROWS if row.section == "What differs on purpose"]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def named(cell):
    """The names of methods in a cell: `addComponent(boolean, ByteBuf)` is addComponent."""
    return [name.partition("(")[0] for name in quoted(cell)]


def listed():
    return [line.split("(")[0].split() for path in LISTS for line in path.read_text().splitlines()]


def documented():
    found = {}
    for row in METHODS:
        found.setdefault(row.section, set()).update(named(row.cells[0]))
    return found


def has(found, cls, name):
    return name in found.get(cls, ()) or cls in EXTENDS and has(found, EXTENDS[cls], name)


def test_the_page_is_read_as_it_looks():
    assert TEXT.count("\n| `") == len(ROWS) == len(METHODS) + len(DEVIATIONS)
    assert len(METHODS) >= 150 and len(DEVIATIONS) >= 40
    assert len(listed()) >= 490


def test_every_method_of_netty_is_on_the_page():
    found = documented()
    assert [f"{cls}.{name}" for cls, name in listed() if not has(found, cls, name)] == []


def test_no_method_on_the_page_is_unknown_to_netty():
    known = {(cls, name) for cls, name in listed()}
    assert [(cls, name) for cls, names in documented().items() for name in names if (cls, name) not in known] == []


@pytest.mark.parametrize("row", METHODS, ids=lambda row: f"{row.section} {row.cells[0][:40]}")
def test_a_row_says_what_to_write_or_why_there_is_nothing(row):
    netty, ours, remark = row.cells
    assert quoted(netty)
    assert quoted(ours) or ours == "none" and len(remark) > 10


def test_a_deviation_has_a_name_and_says_all_of_it():
    names = []
    for row in DEVIATIONS:
        assert len(row.cells) == 4 and all(row.cells), row
        names.append(re.fullmatch(r"`([a-z0-9]+(_[a-z0-9]+)*)`", row.cells[0])[1])
    assert len(set(names)) == len(names) == len(DEVIATIONS)
    assert {rule.name for rule in [*RULES, *CODEC_RULES]} <= set(names)


# -- what the page says of zbuf


def codec(name):
    return lambda: getattr(importlib.import_module("zbuf.codec"), name)


# What the names in the page's code stand for; all others are values.
OBJECTS = {
    "buf": lambda: zbuf.ByteBuf, "a": lambda: zbuf.ByteBuf, "b": lambda: zbuf.ByteBuf,
    "composite": lambda: zbuf.CompositeByteBuf, "allocator": lambda: zbuf.Allocator, "region": lambda: zbuf.FileRegion,
    "queue": lambda: zbuf.OutboundBuffer, "decoder": codec("LengthFieldDecoder"), "prepender": codec("LengthFieldPrepender"),
    "sock": lambda: socket.socket, "file": lambda: io.FileIO, "text": lambda: str, "zbuf": lambda: zbuf,
}
# What a call gives, where more is done with it.
GIVES = {"slice": zbuf.ByteBuf, "read_slice": zbuf.ByteBuf, "copy": zbuf.ByteBuf, "wrap": zbuf.ByteBuf, "bytes": bytes,
         "flush_to": zbuf.Flushed, "Layout": zbuf.Layout, "SystemAllocator": zbuf.SystemAllocator,
         "CompositeByteBuf": zbuf.CompositeByteBuf}


def member(owner, name):
    """An attribute, which may be a module that is not imported yet."""
    if inspect.ismodule(owner) and not hasattr(owner, name):
        return importlib.import_module(f"{owner.__name__}.{name}")
    return getattr(owner, name)


def resolve(node):
    """What an expression is: a class for an object of it, a function, a module; None for a value."""
    if isinstance(node, ast.Name):
        return OBJECTS[node.id]() if node.id in OBJECTS else getattr(builtins, node.id, None)
    if isinstance(node, ast.Attribute):
        owner = resolve(node.value)
        assert owner is not None, f"{ast.unparse(node.value)} is nothing that has a {node.attr}"
        return member(owner, node.attr)
    if isinstance(node, ast.Call):
        return given(node)
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.expr):
            resolve(inner)
    return None


def given(call):
    function = resolve(call.func)
    assert callable(function), f"{ast.unparse(call.func)} is not called"
    for argument in call.args:
        resolve(argument)
    if signature := signature_of(function):
        in_class = inspect.ismethoddescriptor(function)    # and so without the object that is its first argument
        signature.bind(*[None] * (in_class + len(call.args)), **{keyword.arg: None for keyword in call.keywords})
    return GIVES.get(ast.unparse(call.func).rpartition(".")[2])


def signature_of(function):
    """None for those of Python's own that have none."""
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def check(code):
    (statement,) = ast.parse(code).body
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
        assign(statement.targets[0])
    resolve(statement.value)


def assign(target):
    """Sets an attribute of a buffer to what it is."""
    assert ast.unparse(target.value) == "buf"
    with zbuf.buffer() as buf:
        setattr(buf, target.attr, getattr(buf, target.attr))


SPELLINGS = {code for row in METHODS for code in quoted(row.cells[1])}
PROSE = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
MENTIONED = {code for code in quoted(PROSE) if code.partition(".")[0] in OBJECTS and "." in code}


@pytest.mark.parametrize("code", sorted(SPELLINGS | MENTIONED), ids=str)
def test_what_the_page_says_of_zbuf_exists(code):
    check(code)


@pytest.mark.parametrize("code", [
    "buf.read_u128()", "buf.read_u32(1)", "buf.slice(1, 2, 3)", "zbuf.buffers()", "buf.capacity_ = n", "buf.refcnt = n",
    "zbuf.wrap()", "thing.read_u32()", "buf.slice(i, n).nothing()", "zbuf.FileRegion.close()", "allocator.buffer(1, most=2)",
    "len(buf.views())", "queue.flush_to(sock).sends", "zbuf.nothing.Here()", "bytes(buf).decoded()",
])
def test_what_does_not_exist_is_noticed(code):
    with pytest.raises((AttributeError, TypeError, AssertionError, ModuleNotFoundError)):
        check(code)
