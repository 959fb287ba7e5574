"""`why` and `pops`: verbs of `control` that are commands of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.cli.main import main
from tests.cli.doorkeeper import door_of

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


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (["bücher.example"], {"name": "xn--bcher-kva.example."}),
        (["192.0.2.1"], {"name": "1.2.0.192.in-addr.arpa.", "type": "PTR"}),
        (["https://www.example.com/x", "AAAA"], {"name": "www.example.com.", "type": "AAAA"}),
    ],
)
def test_why_takes_names_as_query_does(
    words: list[str], asks: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = b'{"id":1,"ok":false,"error":"no"}\n'
    with door_of(tmp_path, [refusal]) as (path, asked):
        assert main(["why", *words, "--socket", path]) == 1
    assert asked == [{"id": 1, "do": "why", **asks}]
    assert capsys.readouterr().err == "resolver why: no\n"


def test_what_is_no_name_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "a..b", "--socket", "/nonexistent"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
