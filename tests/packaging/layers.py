"""Which module of zbuf imports which, read from the sources, and what is wrong with it."""

import re
from graphlib import CycleError, TopologicalSorter

# A module may import those of lower layers, and those of its own if no cycle
# comes of it. A package, zbuf.demo say, is one entry.
LAYERS = (
    ("errors", "_native", "_memory", "_endian", "_number", "_varint", "_prefix", "_marks", "_search", "_script", "_calls", "_sigpipe", "_stack", "_guard", "_forks", "hexdump"),
    ("_block", "_refs", "_foreign", "_mapping", "_sizeclass", "_arena", "_threadcache", "_leak", "_pool", "_debug", "_poolstats", "stats", "leak"),
    ("_buf", "_composite", "_layout", "_searcher", "_alloc", "_spans", "_trap"),
    ("_splice", "_sys", "region", "outbound", "_records", "_room", "_intake", "_fill", "io", "aio", "trio", "relay", "direct", "zerocopy", "codec", "testing", "_pytest", "audit", "demo", "__main__"),
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}
USERS = {"demo", "__main__"}    # they come in through the door, as everybody does
DOOR = "zbuf"

QUOTED = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*', re.S)
FROM = re.compile(r"(?:^|[;:])[ \t]*from[ \t]+([\w.]+)[ \t]+c?import\b[ \t]*(\([^)]*\)|[^;\n]*)", re.M)
PLAIN = re.compile(r"(?:^|[;:])[ \t]*c?import[ \t]+([\w.][^;\n]*)", re.M)
INCLUDE = re.compile(r"^[ \t]*include[ \t]*\"\"", re.M)


def code_of(text):
    """The source without comments and without what is inside quotes."""
    return QUOTED.sub(lambda found: "" if found[0].startswith("#") else '""', text).replace("\\\n", " ")


def module_of(path):
    """zbuf/codec/lines.pyx is zbuf.codec.lines; a package's __init__ is the package."""
    return path.rsplit(".", 1)[0].replace("/", ".").removesuffix(".__init__")


def unit_of(module):
    return module.split(".")[1] if "." in module else DOOR


def absolute(name, package):
    dots = len(name) - len(name.lstrip("."))
    if dots == 0:
        return name
    parts = package.split(".")
    return ".".join(parts[: len(parts) - dots + 1] + [part for part in [name[dots:]] if part])


def names_in(listing):
    return [name.split()[0] for name in listing.strip("() \n").replace("\n", " ").split(",") if name.strip()]


def imports_of(path, text, modules):
    """The modules of zbuf that this file imports or cimports, wherever in it."""
    code = code_of(text)
    package = module_of(path) if "/__init__." in path else module_of(path).rpartition(".")[0]
    found = set()
    for origin, listing in FROM.findall(code):
        origin = absolute(origin, package)
        for name in names_in(listing):
            found.add(f"{origin}.{name}" if f"{origin}.{name}" in modules else origin)
    for listing in PLAIN.findall(code):
        found.update(names_in(listing))
    return {name for name in found if name.split(".")[0] == DOOR}


def imports(sources):
    """{module: the modules of zbuf it imports}, of {path: text}; .pyx and .pxd are one module."""
    modules = {module_of(path) for path in sources}
    graph = {module: set() for module in modules}
    for path, text in sources.items():
        if not path.endswith(".pyi"):
            graph[module_of(path)] |= imports_of(path, text, modules) - {module_of(path)}
    return graph


def faults(sources):
    """Every breach of the rules as a sentence."""
    graph = imports(sources)
    return [*unknown(graph), *upward(graph), *through_the_door(graph), *cycles(graph), *files(sources)]


def unknown(graph):
    for module in sorted(graph):
        if unit_of(module) not in LAYER_OF and module != DOOR:
            yield f"{module} is in no layer"
        for name in sorted(graph[module] - graph.keys()):
            yield f"{module} imports {name}, which is not there"


def upward(graph):
    for module in sorted(graph):
        for name in sorted(graph[module]):
            if module != DOOR and name != DOOR and LAYER_OF.get(unit_of(module), 9) < LAYER_OF.get(unit_of(name), 9):
                yield f"{module} imports {name}, which lies above it"


def through_the_door(graph):
    for module in sorted(graph):
        if DOOR in graph[module] and unit_of(module) not in USERS:
            yield f"{module} imports zbuf itself"


def cycles(graph):
    # The door imports all and its users import it: that is no cycle of modules.
    inner = {module: names - {DOOR} for module, names in graph.items() if module != DOOR}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        yield "a cycle: " + " <- ".join(error.args[1])


def files(sources):
    for path in sorted(sources):
        if INCLUDE.search(code_of(sources[path])):
            yield f"{path} includes another file"
        if path.endswith(".pyx") and path.removesuffix("x") + "i" not in sources:
            yield f"{path} has no .pyi beside it"


def cimported_by_strangers(sources):
    """All modules whose .pxd a stranger compiles: what zbuf/__init__.pxd reaches."""
    graph = imports({path: text for path, text in sources.items() if path.endswith(".pxd")})
    reached, todo = set(), [DOOR]
    while todo:
        module = todo.pop()
        if module not in reached:
            reached.add(module)
            todo.extend(graph[module])
    return reached
