"""The list of what is compiled follows the tree."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILE = runpy.run_path(str(ROOT / "tools" / "compile.py"))


def test_every_module_that_is_to_be_compiled_exists() -> None:
    modules: list[str] = COMPILE["MODULES"]
    assert [name for name in modules if not (ROOT / "resolver" / f"{name}.py").is_file()] == []
    assert len(set(modules)) == len(modules)


def test_the_module_that_must_come_up_exists() -> None:
    assert find_spec(COMPILE["DAEMON"]) is not None
