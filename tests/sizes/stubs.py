"""Every public integer argument, as the stubs have it: read by `ast`, so that a new one is found by itself."""

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path

import zbuf

ROOT = Path(__file__).parents[2] / "zbuf"
DOORS = ("zbuf", "zbuf.aio", "zbuf.codec", "zbuf.direct", "zbuf.io", "zbuf.relay", "zbuf.testing", "zbuf.zerocopy")
WHOLE = {"SupportsIndex", "int"}


@dataclass(frozen=True)
class Argument:
    """One argument of one callable that takes an integer, and what stands beside it."""

    owner: str                # the class, or "" for a function
    call: str                 # the method or function; an attribute that is set
    name: str                 # the argument
    kinds: frozenset          # the names in its annotation: {"SupportsIndex", "None"}
    before: tuple             # the positional arguments before it: (name, default or REQUIRED)
    keyword: bool             # it is given by its name alone
    others: tuple = ()        # required arguments behind it

    @property
    def callable(self):
        return f"{self.owner}.{self.call}".lstrip(".")

    def __str__(self):
        return f"{self.callable}({self.name})"


REQUIRED = object()


def public():
    """The names that can be had through a door, and the bases that what is had has methods of."""
    names = set()
    for door in DOORS:
        module = importlib.import_module(door)
        for name in module.__all__:
            thing = getattr(module, name)
            names.add(name)
            names |= {base.__name__ for base in thing.__mro__[:-1]} if isinstance(thing, type) else set()
    return names


def sources():
    """What holds the signatures: each stub, and each module that is its own."""
    for path in sorted(ROOT.rglob("*.py*")):
        if path.suffix == ".pyi" or path.suffix == ".py" and not path.with_suffix(".pyi").exists():
            if path.parent.name not in ("audit", "demo") and path.stem not in ("errors", "stats"):
                yield path


def arguments(text=None):
    names = public()
    for source in [text] if text is not None else (path.read_text() for path in sources()):
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and node.name in names:
                yield from of_class(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
                yield from of_function("", node, [])


def of_class(node):
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and kinds(member.annotation) & WHOLE:
            yield Argument(node.name, member.target.id, "value", kinds(member.annotation), (), False)
        elif isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and shown(member):
            static = any(getattr(decorator, "id", "") == "staticmethod" for decorator in member.decorator_list)
            yield from of_function(node.name, member, [] if static else [None])


def shown(member):
    return member.name[0] != "_" or member.name.startswith("__")


def of_function(owner, node, bound):
    given = node.args.posonlyargs + node.args.args
    defaults = [REQUIRED] * (len(given) - len(node.args.defaults)) + [value(each) for each in node.args.defaults]
    plain = list(zip(given, defaults))[len(bound):]
    for k, (argument, _) in enumerate(plain):
        if kinds(argument.annotation) & WHOLE:
            before = tuple((each.arg, default) for each, default in plain[:k])
            others = tuple(each.arg for each, default in plain[k + 1:] if default is REQUIRED)
            yield Argument(owner, node.name, argument.arg, kinds(argument.annotation), before, False, others)
    required = tuple((each.arg, default) for each, default in plain if default is REQUIRED)
    for argument in node.args.kwonlyargs:
        if kinds(argument.annotation) & WHOLE:
            yield Argument(owner, node.name, argument.arg, kinds(argument.annotation), required, True)


def value(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return eval(ast.unparse(node), vars(zbuf.aio.stream))   # a constant of the module


def kinds(annotation):
    return frozenset(each.id if isinstance(each, ast.Name) else str(each.value)
                     for each in ast.walk(annotation) if isinstance(each, ast.Name | ast.Constant)) if annotation else frozenset()
