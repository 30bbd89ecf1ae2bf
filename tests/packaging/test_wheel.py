"""What is in the wheel and in the sdist."""

import re
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def source_files(folder, *suffixes):
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.suffix in suffixes}
    assert found
    return found


@pytest.fixture(scope="module")
def in_wheel(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def in_sdist(sdist):
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def with_suffix(names, *suffixes):
    return {name for name in names if Path(name).suffix in suffixes}


def test_the_wheel_has_every_module_and_interface(in_wheel):
    assert source_files("zbuf", ".py", ".pxd", ".pyi", ".h") <= in_wheel
    assert "zbuf/py.typed" in in_wheel


def test_the_wheel_has_a_compiled_module_for_every_pyx(in_wheel):
    ending = sysconfig.get_config_var("EXT_SUFFIX")
    compiled = {name.removesuffix(".pyx") + ending for name in source_files("zbuf", ".pyx")}
    assert with_suffix(in_wheel, ".so") == compiled


def test_the_wheel_has_nothing_else(in_wheel):
    # Strangers compile against the .pxd; the .pyx are in the sdist.
    assert with_suffix(in_wheel, ".c", ".pyx", ".pyc") == set()
    assert {name.partition("/")[0] for name in in_wheel} == {"zbuf", f"zbuf-{PROJECT['version']}.dist-info"}


def test_the_wheel_is_for_this_python_only(wheel):
    tag = f"cp{sysconfig.get_config_var('py_version_nodot')}"
    assert re.fullmatch(rf"zbuf-{re.escape(PROJECT['version'])}-{tag}-{tag}t?-\w+\.whl", wheel.name)


def test_the_metadata_is_that_of_the_project(metadata):
    assert metadata["Name"] == "zbuf"
    for field, key in [("Version", "version"), ("Summary", "description"), ("License-Expression", "license")]:
        assert metadata[field] == PROJECT[key]
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert set(metadata.get_all("Classifier")) == set(PROJECT["classifiers"])
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text().strip()


def test_nothing_is_needed_at_run_time(metadata):
    needed = metadata.get_all("Requires-Dist")
    assert needed and all("extra ==" in requirement for requirement in needed)
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])


def test_the_licence_comes_along(in_wheel, metadata):
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert f"zbuf-{PROJECT['version']}.dist-info/licenses/LICENSE" in in_wheel


def test_the_sdist_has_the_sources_the_tests_the_benchmarks_and_the_examples(in_sdist):
    assert source_files("zbuf", ".py", ".pyx", ".pxd", ".pyi", ".h") <= in_sdist
    assert source_files("tests", ".py", ".pyx") <= in_sdist
    assert source_files("benchmarks", ".py", ".pyx", ".java", ".xml") <= in_sdist
    assert source_files("examples", ".py") <= in_sdist
    assert source_files("fuzz", ".py", ".md") <= in_sdist
    named = {"pyproject.toml", "setup.py", "README.md", "CHANGELOG.md", "LICENSE", "zbuf/py.typed", "tools/coverage"}
    assert named <= in_sdist


def test_the_sdist_has_nothing_that_was_generated(in_sdist):
    by_hand = {"benchmarks/load/load.c"}
    assert with_suffix(in_sdist, ".c", ".so", ".pyc", ".o") == by_hand
