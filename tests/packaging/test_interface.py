"""The C interface does not change unnoticed: who compiled against it would call the wrong method."""

import pytest

from interface import FILES, RECORD, ZBUF, interface, present


def test_the_c_interface_is_the_one_recorded():
    assert present() == RECORD.read_text(), (
        "if a version with this number was released, give zbuf_abi in zbuf/_buf.pxd a new one;"
        " then run: python tests/packaging/interface.py"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    cdef Py_ssize_t _w ", "    cdef Py_ssize_t _u\n    cdef Py_ssize_t _w "),
        ("    cdef int _own ", "    cdef long _own "),
        ("    cdef inline int _live(", "    cdef int _new(self)\n    cdef int _live("),
        ("    cdef int _resize(self, Py_ssize_t n)", "    cdef int _resize(self, int n)"),
        ("    Py_ssize_t refs ", "    int refs "),
        ("zbuf_abi_", "zbuf_abi_9"),
    ],
)
def test_a_change_is_noticed(old, new):
    sources = [(ZBUF / name).read_text() for name in FILES]
    changed = [text.replace(old, new, 1) for text in sources]
    assert changed != sources, f"no {old!r} any more: choose another"
    assert interface(changed) != interface(sources)


def test_comments_and_inline_bodies_are_no_part_of_it():
    first = "cdef int zbuf_abi_1\ncdef class A:\n    # why\n    cdef int a  # what\n    cdef inline int f(self):\n        return 1\n"
    second = "cdef int zbuf_abi_1\ncdef class A:\n\n    cdef int a\n    cdef inline int f(self):\n        return 2\n"
    assert interface([first]) == interface([second]) == "zbuf_abi_1\ncdef class A\n    cdef int a\n    cdef inline int f(self)\n"
