"""Which program the service runs, and the copy that is made where it could not reach it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resolver.setup import program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", ["/home/me/.venv", "/root/x", "/tmp/x", "/run/user/1000/x"])  # noqa: S108
def test_what_the_unit_hides_is_out_of_reach(path: str) -> None:
    assert not program.is_reachable(path)


def test_a_folder_that_others_cannot_enter_is_in_the_way(tmp_path: Path) -> None:
    assert program.is_reachable("/usr/bin/env")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not program.is_reachable(str(closed / "inside"))


def test_of_all_that_is_installed_only_what_the_program_needs_is_copied() -> None:
    names = {each.metadata["Name"].lower() for each in program._distributions("resolver", set())}
    assert {"trio", "dnspython", "msgspec", "cryptography", "cffi"} <= names
    assert not names & {"pytest", "mypy", "ruff", "hypothesis"}


@pytest.mark.heavy
def test_the_copy_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a Python of its own, isolated from what is set in the environment."""
    home = tmp_path / "opt" / "resolver"
    monkeypatch.setattr(program, "HOME", str(home))
    program.copy_out()
    program.copy_out()  # in the place of the first
    assert not (tmp_path / "opt" / "resolver.old").exists()
    ended = subprocess.run(
        [home / "bin" / "resolver", "query", "--lab", "--short", "www.example.com"],
        capture_output=True, text=True, check=False, env={"PATH": "/bin"},
    )  # fmt: skip
    assert ended.stdout == "192.0.2.80\n", ended.stderr
    assert (
        home / "share" / "man" / "man8" / "resolver.8"
    ).exists() or sys.prefix == sys.base_prefix
    assert "unit" not in ended.stderr
    program.remove_copy()
    assert not home.exists()


def test_what_is_compiled_comes_along(tmp_path: Path) -> None:
    """It lies beside the package, in a tree as in an installation."""
    package, site = tmp_path / "tree" / "resolver", tmp_path / "site"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    library = "resolver__mypyc.cpython-311-x86_64-linux-gnu.so"
    (package.parent / library).touch()
    program._copy_tree(package, site / "resolver")
    assert {each.name for each in site.iterdir()} == {"resolver", library}


def test_where_python_itself_is_out_of_reach_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "is_reachable", lambda _: False)
    assert "Python itself" in program.program().refusal


def test_where_only_the_environment_is_out_of_reach_it_copies_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program, "is_reachable", lambda path: path != sys.prefix)
    if sys.prefix == sys.base_prefix:
        pytest.skip("needs to run in a virtual environment")
    chosen = program.program()
    assert chosen.copies
    assert chosen.command == "/opt/resolver/bin/resolver"
