"""What the documentation says is so: every example runs, and nothing public lacks a docstring."""

import doctest
import importlib
import inspect
import os
import pkgutil
import re
import socket
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import zbuf

README = Path(__file__).parent.parent / "README.md"
METHODS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
           classmethod, staticmethod)
PROPERTIES = (property, types.GetSetDescriptorType, types.MemberDescriptorType)


@dataclass(frozen=True)
class Documented:
    """A public object, and how a program reaches it."""

    name: str
    thing: object

    @property
    def docstring(self):
        """The docstring without its indentation, nor the signature that Cython puts before it."""
        text = inspect.cleandoc(getattr(self.thing, "__doc__", None) or "")
        return re.sub(r"\A[\w.]+\(.*\)( -> .*)?\n(--)?\n+", "", text)

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
    """What the class itself defines, with the public names first come."""
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


def is_public(dotted):
    return not any(part.startswith("_") for part in dotted.split(".")[-1:])


def public_objects():
    """What zbuf.__all__ and the public modules offer, with the members of the classes."""
    named = {f"zbuf.{name}": getattr(zbuf, name) for name in zbuf.__all__ if name != "EMPTY"}
    named |= {f"zbuf.stats.{name}": getattr(zbuf.stats, name) for name in zbuf.stats.__all__}
    named["zbuf.hexdump.hexdump"] = zbuf.hexdump.hexdump
    for name, thing in named.items():
        yield Documented(name, thing)
        if isinstance(thing, type):
            fields = getattr(thing, "_fields", ())
            yield from (Documented(f"{name}.{member.name.rpartition('.')[2]}", member.thing) for member in members(thing)
                        if is_public(member.name) and member.name.rpartition(".")[2] not in fields)


def by_name(things):
    return [pytest.param(thing, id=thing.name) for thing in things]


ALL = {thing.name: thing for module in modules() for thing in objects(module)}
WITH_EXAMPLES = [thing for thing in ALL.values() if thing.examples]
PUBLIC = list(public_objects())


class NoTraceOf:
    """Where doctest writes to; it has nothing to say unless an example failed."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def run(docstring, name):
    names = {"zbuf": zbuf, "socket": socket, "os": os}
    test = doctest.DocTestParser().get_doctest(docstring, names, name, None, 0)
    said = NoTraceOf()
    failed = doctest.DocTestRunner(verbose=False).run(test, out=said.write).failed
    assert not failed, said.text


@pytest.mark.parametrize("documented", by_name(WITH_EXAMPLES))
def test_the_example_does_what_it_shows(documented):
    run(documented.docstring, documented.name)


def test_the_finder_finds_them():
    assert len(WITH_EXAMPLES) >= 300
    assert sum(len(documented.examples) for documented in WITH_EXAMPLES) >= 800
    assert {"zbuf", "zbuf._buf.ByteBuf", "zbuf._buf.ByteBuf.read_u32", "zbuf._buf.ByteBuf.capacity", "zbuf._alloc.buffer",
            "zbuf.region.FileRegion.open", "zbuf.stats.ClassStats.fill"} <= {found.name for found in WITH_EXAMPLES}


@pytest.mark.parametrize("documented", by_name(PUBLIC))
def test_a_docstring_begins_with_a_sentence(documented):
    summary = documented.docstring.partition("\n\n")[0]
    assert "\n" not in summary, "the summary is one line"
    assert summary.endswith("."), f"{summary!r} is no sentence"
    assert summary[0].isupper() or summary.startswith("``")


@pytest.mark.parametrize("documented", by_name(thing for thing in PUBLIC if not (
    isinstance(thing.thing, PROPERTIES) or isinstance(thing.thing, type) and issubclass(thing.thing, Exception))))
def test_a_docstring_has_an_example(documented):
    assert documented.examples


def test_every_public_name_is_there():
    assert len(set(zbuf.__all__)) == len(zbuf.__all__)
    assert set(zbuf.__all__) >= set(zbuf.errors.__all__)
    public = {name for name, thing in vars(zbuf).items() if name[0] != "_" and not inspect.ismodule(thing)}
    assert public == set(zbuf.__all__)


def code_blocks():
    """The Python blocks of the README, by the line on which each begins."""
    text = README.read_text() if README.exists() else ""
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield pytest.param(block[1], id=f"line {text.count(chr(10), 0, block.start(1)) + 1}")


@pytest.mark.parametrize("block", list(code_blocks()) or [""])
def test_a_block_of_the_readme_runs(block):
    if ">>>" in block:
        run(block, "README.md")
    else:
        exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
