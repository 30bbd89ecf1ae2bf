"""One interpreter of a process has zbuf: the others are refused, and do no harm."""

import re

import pytest

from processes import run

REFUSED = re.compile(
    r"Interpreter change detected - this module can only be loaded into one interpreter per process\."
    r"|module zbuf\.\w+ does not support loading in subinterpreters"
)
OTHERS = '''
    import os, sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters

    IMPORT = "import os\\n" \\
             "try: import zbuf; said = 'imported'\\n" \\
             "except ImportError as error: said = str(error)\\n" \\
             "os.write(1, said.encode() + b'\\\\n')"

    def imported_in(kind):
        "An interpreter of this kind says what becomes of its import."
        other = interpreters.create(kind) if sys.version_info >= (3, 13) else interpreters.create(isolated=kind == "isolated")
        interpreters.run_string(other, IMPORT)
        interpreters.destroy(other)
'''


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_a_second_interpreter_is_refused_and_the_first_goes_on(kind):
    said = run(OTHERS + f"""
    import zbuf
    buf = zbuf.copied(b"abc")
    for k in range(3):
        imported_in({kind!r})
        with zbuf.wrap(buf, b"def") as both:
            assert bytes(both) == b"abcdef"
    zbuf.default_allocator()._check()
    assert len(zbuf.default_allocator().live()) == 1
    """)
    assert len(said.splitlines()) == 3 and all(map(REFUSED.fullmatch, said.splitlines())), said


def test_where_another_interpreter_came_first_the_main_one_is_refused():
    said = run(OTHERS + """
    imported_in("legacy")
    try:
        import zbuf
    except ImportError as error:
        print(error)
    """)
    first, second = said.splitlines()
    assert first == "imported" and REFUSED.fullmatch(second), said
