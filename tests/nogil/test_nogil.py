"""A Python without the GIL stays so, and every method of an object that threads may share is guarded."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import zbuf
from zbuf import _guard

MODULES = [module.name for module in pkgutil.walk_packages(zbuf.__path__, "zbuf.") if module.name.split(".")[1] not in ("demo", "__main__", "_pytest")]


@pytest.mark.parametrize("module", ["zbuf", *MODULES])
def test_no_module_switches_the_gil_on(module):
    program = f"import sys, {module}; assert not sys._is_gil_enabled()"
    assert subprocess.run([sys.executable, "-W", "error", "-c", program], stderr=subprocess.PIPE, text=True).stderr == ""


# Objects of the trap never change, and what they call is guarded.
@pytest.mark.parametrize("module", [module for module in MODULES if module != "zbuf._trap"])
def test_every_method_is_guarded(module):
    for cls in vars(importlib.import_module(module)).values():
        if isinstance(cls, type) and cls.__module__.startswith("zbuf.") and not cls.__flags__ & 1 << 9:
            assert _guard._unguarded(cls) == []


def test_what_is_not_guarded_is_told():
    assert "append" in _guard._unguarded(list)
