"""resolver health: what it prints, its exit status, and that it never waits for long."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from resolver.cli import health as command
from resolver.cli.main import main
from resolver.limits import HEALTH_ASK_SECONDS
from tests.cli.doorkeeper import door_of
from tests.support import set_limit

if TYPE_CHECKING:
    from pathlib import Path

MET = {"is_met": True, "says": "up", "counts": True}


def told(*reasons: str, is_last_resort: bool = True, **conditions: Any) -> bytes:
    reply = {
        "id": 1, "ok": True, "is_healthy": not reasons, "is_last_resort": is_last_resort,
        "since": time.time() - 7200, "reasons": reasons,
        "conditions": {"in_service": MET, **conditions},
    }  # fmt: skip
    return json.dumps(reply).encode() + b"\n"


OUT = {"is_met": False, "says": "nobody answers for 3 min: the public tree", "counts": True}


def test_who_is_well_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, [told()]) as (path, asked):
        assert main(["health", "--socket", path]) == 0
    assert asked == [{"id": 1, "do": "health"}]
    assert capsys.readouterr().out == "healthy for 2 h\n  in service  yes  up\n"


def test_who_is_not_is_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reason = "link: nobody answers for 3 min: the public tree"
    with door_of(tmp_path, [told(reason, link=OUT)]) as (path, _):
        assert main(["health", "--socket", path]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0] == f"not healthy for 2 h; {reason}"
    assert "  link        NO   nobody answers for 3 min" in out


def test_what_does_not_count_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, [told(link=OUT | {"counts": False})]) as (path, _):
        assert main(["health", "--socket", path]) == 0
    assert "no, which does not count" in capsys.readouterr().out


@pytest.mark.parametrize(("is_last_resort", "status"), [(True, 0), (False, 1)])
def test_a_last_resort_is_told_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_last_resort: bool, status: int
) -> None:
    with door_of(tmp_path, [told("link", is_last_resort=is_last_resort)]) as (path, _):
        assert main(["health", "--socket", path, "--last-resort", "--quiet"]) == status
    assert capsys.readouterr().out == ""


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, [told("link: no")]) as (path, _):
        assert main(["health", "--socket", path, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["reasons"] == ["link: no"]
    assert "ok" not in shown


def test_nobody_to_ask_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "none")
    assert main(["health", "--socket", path, "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["is_healthy"] is False
    assert told.err.startswith("resolver health: no daemon has a control socket at ")


def test_a_daemon_of_another_version_is_2(tmp_path: Path) -> None:
    line = b'{"id":1,"ok":false,"error":"there is no verb \'health\'"}\n'
    with door_of(tmp_path, [line]) as (path, _):
        assert main(["health", "--socket", path]) == 2


@pytest.mark.reaches("HEALTH_ASK_SECONDS")
def test_one_that_hangs_is_2_soon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is there, and nobody reads: a check has seconds, not minutes."""
    assert HEALTH_ASK_SECONDS < 5
    set_limit(monkeypatch, command, "HEALTH_ASK_SECONDS", 0.2)
    path = tmp_path / "door"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
        listener.bind(str(path))
        listener.listen(1)
        assert main(["health", "--socket", str(path)]) == 2
    assert "has not answered for 0.2 s" in capsys.readouterr().err


def test_what_others_wrote_moves_no_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = OUT | {"says": "\x1b[2J"}
    with door_of(tmp_path, [told("\x1b[2J", link=hostile)]) as (path, _):
        assert main(["health", "--socket", path]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_an_option_that_is_0_is_told_too(tmp_path: Path) -> None:
    """`drain --grace 0` closes at once."""
    with door_of(tmp_path, [b'{"id":1,"ok":true,"is_drained":true,"in_flight":0}\n']) as (
        path,
        asked,
    ):
        assert main(["control", "--socket", path, "drain", "--grace", "0"]) == 0
    assert asked == [{"id": 1, "do": "drain", "grace": 0}]
