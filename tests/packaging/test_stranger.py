"""A Cython module of someone else, compiled and run against the installed wheel alone."""

import json
import re
from pathlib import Path

import pytest

STRANGER = Path(__file__).parent / "stranger"


@pytest.fixture(scope="module")
def stranger(elsewhere):
    """Runs Python code with the stranger and zbuf imported; what it printed, as JSON."""
    folder = elsewhere.build(STRANGER, "stranger")

    def run(*lines):
        return json.loads(elsewhere.run("\n".join(["import json, stranger, zbuf", *lines]), folder))

    return run


def test_zbuf_comes_from_the_wheel(elsewhere, stranger):
    path = Path(stranger("print(json.dumps(zbuf._buf.__file__))"))
    assert path.is_relative_to(elsewhere.site)


@pytest.mark.parametrize(
    "buffer, composite",
    [
        ("zbuf.buffer()", False),
        ("zbuf.buffer(6)", False),
        ("zbuf.wrap(zbuf.copied(b''), zbuf.copied(b''))", True),
    ],
)
def test_it_writes_and_reads_through_the_gates(stranger, buffer, composite):
    result = stranger(
        f"buf = {buffer}",
        "stranger.encode(buf, {1: 2**32 - 1, 2**16 - 1: 7})",
        "data = bytes(buf).hex()",
        "value = stranger.value_at(buf, 6)",
        "stranger.double_value_at(buf, 6)",
        "back = list(stranger.decode(buf).items())",
        "print(json.dumps([stranger.is_composite(buf), data, value, back, len(buf)]))",
    )
    assert result == [composite, "0001ffffffff" "ffff00000007", 7, [[1, 2**32 - 1], [2**16 - 1, 14]], 0]


def test_it_reads_numbers_that_straddle_parts(stranger):
    result = stranger(
        "parts = bytes.fromhex('000a00000102' '000b00000304')",
        "buf = zbuf.wrap(*(parts[i:i + 1] for i in range(12)))",
        "print(json.dumps([stranger.is_composite(buf), list(stranger.decode(buf).items())]))",
    )
    assert result == [True, [[10, 0x0102], [11, 0x0304]]]


def test_it_raises_zbufs_errors_and_moves_nothing(stranger):
    result = stranger(
        "buf = zbuf.copied(b'\\0\\1\\0\\0\\0')",
        "try:",
        "    stranger.decode(buf)",
        "except zbuf.errors.UnderflowError as error:",
        "    print(json.dumps([str(error), buf.reader_index]))",
    )
    assert result == ["wanted 4 bytes at 2, 3 readable", 2]


def test_every_load_brings_back_what_its_store_wrote(stranger):
    seen = stranger("print(json.dumps([(data.hex(), value) for data, value in stranger.stored(0x1234)]))")
    assert [data for data, value in seen[:8]] == [
        "1234", "3412", "001234", "341200", "00001234", "34120000", "0000000000001234", "3412000000000000",
    ]
    assert [data for data, value in seen[8:]] == ["4591a000", "00a09145", "40b2340000000000", "000000000034b240"]
    assert {value for data, value in seen} == {0x1234}


def test_every_load_and_store_may_be_cimported(elsewhere):
    inline = r"cdef inline \w+ ((?:load|store)_\w+)\("
    there = set(re.findall(inline, (elsewhere.site / "zbuf" / "_endian.pxd").read_text()))
    door = set(re.findall(r"\b(?:load|store)_\w+", (elsewhere.site / "zbuf" / "__init__.pxd").read_text()))
    used = set(re.findall(r"\b(?:load|store)_\w+", (STRANGER / "stranger.pyx").read_text()))
    assert there == door == used != set()


def test_a_module_compiled_against_another_abi_does_not_import(elsewhere):
    interface = elsewhere.site / "zbuf" / "_buf.pxd"
    ours = interface.read_text()
    theirs = re.sub(r"\bzbuf_abi_\d+$", "zbuf_abi_999", ours, flags=re.MULTILINE)
    assert theirs != ours
    interface.write_text(theirs)
    try:
        folder = elsewhere.build(STRANGER, "newer")
    finally:
        interface.write_text(ours)
    code = "try:\n    import stranger\nexcept ImportError as error:\n    print(error)"
    assert elsewhere.run(code, folder) == "zbuf._buf does not export expected C variable zbuf_abi_999\n"
