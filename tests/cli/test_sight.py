"""`why` and `pops`: verbs of `control` that are commands of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("words", [["pops"], ["pops", "com", "--active"], ["why", "example.com"]])
def test_without_a_daemon_the_command_says_so_in_its_own_name(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--socket", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"resolver {words[0]}: no daemon has a control socket at ")
    assert "Traceback" not in error


def test_why_wants_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "--socket", "/nonexistent"]) == 2
    assert capsys.readouterr().err.startswith("resolver why: NAME")
    assert main(["why", "a", "A", "b", "--socket", "/nonexistent"]) == 2
