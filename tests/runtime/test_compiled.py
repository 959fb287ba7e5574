"""Which build runs is known, and half of one is told: resolver/runtime/compiled.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from resolver.runtime import compiled

ROOT = Path(compiled.__file__).resolve().parents[2]
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
ASK = (
    "from resolver import budget; from resolver.runtime import compiled; print(compiled.checked())"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package's sources, in a folder of its own."""
    shutil.copytree(
        ROOT / "resolver", tmp_path / "resolver",
        ignore=shutil.ignore_patterns("__pycache__", "*.so", compiled.MANIFEST),
    )  # fmt: skip
    shutil.copy2(ROOT / "root.hints", tmp_path)
    return tmp_path


def run(tree: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments], capture_output=True, text=True, check=False, cwd=tree,
        env={**os.environ, compiled.PURE: "", "PYTHONPATH": str(tree), **environment},
    )  # fmt: skip


def claim(tree: Path, source: bytes) -> None:
    """Have the manifest say that `resolver.budget` was compiled, of *source*."""
    said = {"resolver.budget": compiled.digest(source)}
    (tree / "resolver" / compiled.MANIFEST).write_text(json.dumps(said), "utf-8")


def test_what_runs_is_what_was_built() -> None:
    """All that the manifest names, which tools/compile.py made; nothing where there is none."""
    assert compiled.checked() == len(compiled.manifest())


def test_a_tree_of_sources_is_all_python(tree: Path) -> None:
    assert run(tree, "-c", ASK).stdout == "0\n"


def test_a_module_that_should_be_compiled_and_is_not_is_told(tree: Path) -> None:
    claim(tree, (tree / "resolver" / "budget.py").read_bytes())
    told = run(tree, "-c", ASK).stderr
    assert "MixedBuild: resolver.budget is not what was compiled (1 of 1 modules)" in told


def test_a_source_that_was_changed_since_is_told(tree: Path) -> None:
    """What lies beside it would run the old one, and the source would lie."""
    (tree / "resolver" / f"extra{SUFFIX}").touch()  # never imported, so of no matter
    claim(tree, b"another")
    assert "resolver.budget is not what was compiled" in run(tree, "-c", ASK).stderr


def test_serving_a_mixed_build_fails_with_one_line(tree: Path) -> None:
    claim(tree, b"another")
    done = run(tree, "-m", "resolver", "serve", "--lab", "--listen", "127.0.0.1:5300")
    assert done.returncode == 1
    assert "resolver: resolver.budget is not what was compiled" in done.stderr
    assert "RESOLVER_PURE=1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_manifest_that_is_none_is_told(tree: Path) -> None:
    (tree / "resolver" / compiled.MANIFEST).write_text("{", "utf-8")
    assert "MixedBuild: " in run(tree, "-c", ASK).stderr


def test_on_request_sources_run_whatever_lies_beside_them(tree: Path) -> None:
    """A shared object that cannot even be loaded: found first, but for RESOLVER_PURE."""
    claim(tree, b"another")
    (tree / "resolver" / f"budget{SUFFIX}").write_bytes(b"not a shared object")
    assert "ImportError" in run(tree, "-c", ASK).stderr
    assert run(tree, "-c", ASK, RESOLVER_PURE="1").stdout == "0\n"
