"""The C interface as text: what a stranger's module has compiled in of zbuf's types.

    python tests/packaging/interface.py     records it beside this file
"""

import re
from pathlib import Path

from layers import code_of

ZBUF = Path(__file__).parents[2] / "zbuf"
RECORD = Path(__file__).with_name("interface.txt")
FILES = ("_block.pxd", "_buf.pxd", "_composite.pxd")


def interface(sources):
    """The number, then each struct and class with its members in their order, one a line."""
    number = re.search(r"\bzbuf_abi_\d+$", "\n".join(sources), re.MULTILINE)[0]
    lines = [number]
    for text in sources:
        inside = False
        for line in logical_lines(text):
            indent = len(line) - len(line.lstrip())
            if indent == 0:
                inside = re.match(r"cdef (class|struct) ", line) is not None
            if inside and indent in (0, 4):
                lines.append(line[:indent] + " ".join(line.split()).removesuffix(":"))
    return "\n".join(lines) + "\n"


def logical_lines(text):
    """Without comments and empty lines; what stands in parentheses is one line."""
    joined = re.sub(r"\(([^()]*)\)", lambda found: found[0].replace("\n", " "), code_of(text))
    return [line.rstrip() for line in joined.splitlines() if line.strip()]


def present():
    return interface([(ZBUF / name).read_text() for name in FILES])


if __name__ == "__main__":
    RECORD.write_text(present())
