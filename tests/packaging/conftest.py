"""zbuf as others get it: an sdist of the source tree, a wheel of the sdist, a venv with the wheel."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import _distutils_hack
import Cython
import cython
import pytest
import setuptools

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.so")


def left_behind(folder, names):
    """What is not the tree's own, such as C that was made of a .pyx beside it."""
    return LEFT_BEHIND(folder, names) | {f"{name[:-4]}.c" for name in names if name.endswith(".pyx")}


def run(*command, cwd, **variables):
    """Standard output of a command that sees nothing of this process's Python path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean | variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exits with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """The folder of one sdist and one wheel, made of a copy of the tree."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT, folder / "tree", ignore=left_behind)
    # The compiler's optimizer would take most of the time, and change nothing here.
    flags = "-O0 -fvisibility=hidden -fwrapv"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "tree",
        cwd=folder, ZBUF_CFLAGS=flags)
    return folder / "dist"


@pytest.fixture(scope="session")
def sdist(dist):
    (path,) = dist.glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    return path


class Elsewhere:
    """A venv of its own that has zbuf's wheel, and borrows Cython and setuptools."""

    def __init__(self, folder, wheel):
        self.python = folder / "venv" / "bin" / "python"
        self.folder = folder
        venv.create(folder / "venv", symlinks=True)
        (self.site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        self.borrow(Cython, cython, setuptools, _distutils_hack)
        run(sys.executable, "-m", "pip", "--python", self.python, "install", "--no-deps", "--no-index", wheel, cwd=folder)

    def borrow(self, *packages):
        """These packages and no others: where they lie a zbuf may lie too."""
        tools = self.folder / "tools"
        tools.mkdir()
        for package in packages:
            place = Path(package.__file__)
            if place.name == "__init__.py":
                place = place.parent
            (tools / place.name).symlink_to(place)
        (self.site / "tools.pth").write_text(f"{tools}\n")

    def build(self, source, name):
        """Compiles a copy of the folder `source`; where it is."""
        shutil.copytree(source, self.folder / name)
        run(self.python, "setup.py", "-q", "build_ext", "--inplace", cwd=self.folder / name)
        return self.folder / name

    def run(self, code, cwd):
        return run(self.python, "-W", "error", "-c", code, cwd=cwd)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory, wheel):
    return Elsewhere(tmp_path_factory.mktemp("elsewhere"), wheel)
