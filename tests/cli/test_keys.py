"""resolver keys: the table of all, and one key or one section in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.main import main

if TYPE_CHECKING:
    import pytest


def test_one_key_says_when_a_change_of_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "server.workers"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("server.workers\n  processes on the same port")
    assert "default: 1" in said
    assert "takes effect: at a restart" in said
    assert main(["keys", "log.destination"]) == 0
    assert "takes effect: at a reload, which opens" in capsys.readouterr().out
    assert main(["keys", "server.rate_limit"]) == 0
    assert "takes effect: live, at a reload" in capsys.readouterr().out


def test_a_section_shows_all_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "[control]"]) == 0
    said = capsys.readouterr().out
    assert "control.socket\n" in said
    assert "control.admins\n" in said
    assert "server." not in said
    assert main(["keys", "forward"]) == 0
    assert "forward.zone (in a table [[forward]])" in capsys.readouterr().out


def test_one_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "server.worker"]) == 2
    assert "did you mean server.workers?" in capsys.readouterr().err
    assert main(["keys", "nonsense"]) == 2
    assert capsys.readouterr().err == "resolver keys: there is no key 'nonsense'\n"


def test_a_part_of_a_keys_name_finds_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As people remember it; and as `check` writes it."""
    assert main(["keys", "admins"]) == 2
    assert "did you mean control.admins?" in capsys.readouterr().err
    assert main(["keys", "listen"]) == 2
    said = capsys.readouterr().err
    assert "server.listen or " in said
    assert "web.listen" in said
    assert main(["keys", "forward[0].zone"]) == 0
    assert capsys.readouterr().out.startswith("forward.zone (in a table [[forward]])")
