"""resolver top: the page's numbers in a terminal, that obeys nothing which others wrote."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from resolver.cli import top
from resolver.cli.control_session import Refusal
from resolver.cli.main import main
from resolver.cli.top_look import Look, Watcher
from resolver.cli.top_screen import screen
from resolver.operate.numbers import numbers
from tests.web.test_html import HOSTILE
from tests.web.views import STATS, known, status

if TYPE_CHECKING:
    from pathlib import Path


def _look(said: str = "example", *, is_known: bool = True) -> Look:
    found = numbers(STATS)
    told = status(said) | {"version": said}
    return Look(told, STATS, found, found, known(said) if is_known else {}, (1.0, 5.0, 3.0))


def _printed(look: Look, height: int = 50) -> str:
    out = io.StringIO()
    Console(file=out, width=120, height=height, force_terminal=False).print(screen(look, height))
    return out.getvalue()


def test_the_share_of_hits_and_the_link_stand_above() -> None:
    lines = [line for line in _printed(_look()).splitlines() if line.strip()]
    assert "link up" in lines[0]
    assert lines[1].startswith("90.0 % from memory")
    assert "2.0 % failed" in lines[1]


def test_zones_servers_and_names_are_shown_to_who_may_see_them() -> None:
    shown = _printed(_look())
    for said in ("failing zone", "instance", "renewed ahead of need"):
        assert said in shown
        assert said not in _printed(_look(is_known=False))


@pytest.mark.parametrize("said", HOSTILE)
def test_a_terminal_obeys_nothing_that_others_wrote(said: str) -> None:
    shown = _printed(_look(said))
    assert "\x1b" not in shown
    assert all(sign.isprintable() for line in shown.splitlines() for sign in line)


def test_markup_of_the_library_is_none() -> None:
    assert "[red]" in _printed(_look("[red]evil[/red]"))


class _Session:
    """A daemon that tells numbers to everybody, and names to nobody."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, do: str, **_: object) -> dict[str, Any]:
        self.asked.append(do)
        if do in ("stats", "status"):
            return STATS if do == "stats" else status()
        raise Refusal(f"{do}: only root may")


def test_what_takes_a_right_that_we_do_not_have_is_left_out_and_not_asked_again() -> None:
    session = _Session()
    watcher = Watcher(session)  # type: ignore[arg-type]
    assert [watcher.look().known for _ in range(12)] == [{}] * 12
    assert session.asked.count("zones") == 1
    assert session.asked.count("stats") == 13


def test_once_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    told = json.loads(top._json(Watcher(_Session())))  # type: ignore[arg-type]
    assert told["since_start"]["hit_share"] == pytest.approx(0.9)
    assert told["link"]["is_up"] is True


def test_where_there_is_no_daemon_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--socket", str(tmp_path / "none")]) == 1
    assert "no daemon has a control socket" in capsys.readouterr().err


def test_without_its_library_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(top, "extra_missing", lambda _: "rich, which is not installed: pip")
    assert main(["top", "--socket", str(tmp_path / "none")]) == 1
    assert "rich, which is not installed" in capsys.readouterr().err
