"""What the documentation says is so: every example runs, and nothing public lacks a docstring."""

import asyncio
import doctest
import errno
import importlib
import inspect
import os
import pkgutil
import re
import socket
import tempfile
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

import zbuf

HOME = Path(__file__).parent.parent
PAGES = [path for path in (HOME / "README.md", *sorted(HOME.glob("docs/*.md"))) if path.exists()]
METHODS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
           types.WrapperDescriptorType, classmethod, staticmethod)
PROPERTIES = (property, types.GetSetDescriptorType, types.MemberDescriptorType)


@dataclass(frozen=True)
class Documented:
    """A public object, and how a program reaches it."""

    name: str
    thing: object

    @property
    def last(self):
        return self.name.rpartition(".")[2]

    @property
    def docstring(self):
        """The docstring without its indentation; its signature is in __text_signature__."""
        return inspect.cleandoc(getattr(self.thing, "__doc__", None) or "")

    @property
    def examples(self):
        return doctest.DocTestParser().get_examples(self.docstring, self.name)


def modules():
    """All of the package, but for the file that is a program."""
    yield zbuf
    for found in pkgutil.walk_packages(zbuf.__path__, "zbuf."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def members(cls):
    """The methods and properties that the class itself defines."""
    for name, thing in vars(cls).items():
        if isinstance(thing, METHODS + PROPERTIES):
            yield Documented(f"{cls.__module__}.{cls.__qualname__}.{name}", thing)


def objects(module):
    """The module, and what it defines: functions, classes and their members."""
    yield Documented(module.__name__, module)
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        if isinstance(thing, type):
            yield Documented(f"{module.__name__}.{name}", thing)
            yield from members(thing)
        elif isinstance(thing, METHODS):
            yield Documented(f"{module.__name__}.{name}", thing)


def public_objects():
    """What zbuf.__all__ and the public modules offer, with the members of the classes."""
    named = {f"zbuf.{name}": getattr(zbuf, name) for name in zbuf.__all__ if name != "EMPTY"}
    for module in (zbuf.aio, zbuf.audit, zbuf.codec, zbuf.direct, zbuf.io, zbuf.leak, zbuf.relay, zbuf.stats, zbuf.testing,
                   zbuf.trio, zbuf.zerocopy):
        named |= {f"{module.__name__}.{name}": getattr(module, name) for name in module.__all__}
    named["zbuf.hexdump.hexdump"] = zbuf.hexdump.hexdump
    for name, thing in named.items():
        yield Documented(name, thing)
        if isinstance(thing, type):
            fields = getattr(thing, "_fields", ())   # a named tuple documents them itself
            yield from (member for member in members(thing)
                        if not member.last.startswith("_") and member.last not in fields
                       and member.docstring != "Called by the loop.")


def by_name(things):
    return [pytest.param(thing, id=thing.name) for thing in things]


ALL = {thing.name: thing for module in modules() for thing in objects(module)}
# A composite shows many docstrings of ByteBuf once more; the first of the same is enough.
WITH_EXAMPLES = list({thing.docstring: thing for thing in reversed(ALL.values()) if thing.examples}.values())[::-1]
PUBLIC = list(public_objects())


def run(docstring, name):
    names = {"zbuf": zbuf, "asyncio": asyncio, "trio": trio, "socket": socket, "os": os, "errno": errno, "tempfile": tempfile}
    test = doctest.DocTestParser().get_doctest(docstring, names, name, None, 0)
    complaints = []
    doctest.DocTestRunner(verbose=False).run(test, out=complaints.append)
    assert not complaints, "".join(complaints)


@pytest.mark.parametrize("documented", by_name(WITH_EXAMPLES))
def test_the_example_does_what_it_shows(documented):
    run(documented.docstring, documented.name)


def test_the_finder_finds_them():
    assert len(WITH_EXAMPLES) >= 250
    assert sum(len(documented.examples) for documented in WITH_EXAMPLES) >= 450
    assert len(PUBLIC) >= 300
    assert {"zbuf", "zbuf._buf.ByteBuf", "zbuf._buf.ByteBuf.read_u32", "zbuf._buf.ByteBuf.capacity", "zbuf._alloc.buffer",
            "zbuf.region.FileRegion.open", "zbuf.stats.ClassStats.fill"} <= {found.name for found in WITH_EXAMPLES}


@pytest.mark.parametrize("documented", by_name(PUBLIC))
def test_a_docstring_begins_with_a_sentence(documented):
    summary = documented.docstring.partition("\n\n")[0]
    assert "\n" not in summary, "the summary is one line"
    assert summary.endswith("."), f"{summary!r} is no sentence"
    assert summary[0].isupper() or summary.startswith("``")


def needs_example(thing):
    return not isinstance(thing, PROPERTIES) and not (isinstance(thing, type) and issubclass(thing, Exception))


@pytest.mark.parametrize("documented", by_name(found for found in PUBLIC if needs_example(found.thing)))
def test_a_docstring_has_an_example(documented):
    assert documented.examples


def test_every_public_name_is_there():
    assert len(set(zbuf.__all__)) == len(zbuf.__all__)
    assert set(zbuf.__all__) >= set(zbuf.errors.__all__)
    public = {name for name, thing in vars(zbuf).items() if name[0] != "_" and not inspect.ismodule(thing)}
    assert public == set(zbuf.__all__)


def code_blocks():
    """The Python blocks of the pages, each behind as many empty lines as there are before it."""
    for page in PAGES:
        text = page.read_text()
        for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            above = text.count("\n", 0, block.start(1))
            yield pytest.param(page.name, "\n" * above + block[1], id=f"{page.name} line {above + 1}")


@pytest.mark.parametrize(("page", "block"), list(code_blocks()) or [("", "")])   # an installed package comes without any
def test_a_block_of_a_page_runs(page, block):
    if ">>>" in block:
        run(block, page)
    else:
        names = {"__name__": "__main__"}
        exec(compile(block, page, "exec"), names)
        names.clear()    # its functions hold them, and without the GIL stay for ever once there was a thread
