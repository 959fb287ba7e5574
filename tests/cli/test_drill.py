"""resolver drill and resolver geo: what they ask, print and draw; hostile names are inert."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from resolver.cli import drill, drill_shown, geo, geo_shown, main, pictures
from resolver.cli.control_shown import shown
from resolver.errors import ConfigError
from resolver.limits import CONTROL_LINE_OCTETS
from tests.cli.doorkeeper import door_of

if TYPE_CHECKING:
    from pathlib import Path

_EVIL = "\x1b[31m\u202egro.\n$x$.example."
_REPORT: dict[str, Any] = {
    "verdict": "Of 2 names, weighed by use, 50 % resolve at once, 0 % survive 1 h.",
    "names": 2, "weight": 3.0, "servers": f"only {_EVIL} would answer", "is_whole": True,
    "cpu_s": 0.1, "peak_octets": 1,
    "moments": [
        {"after_s": 0.0, "fresh": 0.5, "stale": 0.25, "unknown": 0.0, "failed": 0.25, "names": 1},
        {"after_s": 3600.0, "fresh": 0, "stale": 0, "unknown": 0.5, "failed": 0.5, "names": 0},
    ],
    "worth": [
        {"feature": "local root", "is_on": False, "points": [0.0, 12.5]},
        {"feature": "stale answers", "is_on": True, "points": [25.0, -0.4]},
    ],
    "curve": [(0, 0.5, 0.25), (60, 0.5, 0.25), (3600, 0.0, 0.0)],
}  # fmt: skip
_ROW = {"name": _EVIL, "type": "A", "weight": 1.5, "after_s": 0.0, "cut": _EVIL, "why": _EVIL,
        "is_unknown": False}  # fmt: skip
_ZONE: dict[str, Any] = {
    "zone": _EVIL, "uses": 0.5, "nameservers": 2, "servers": 4, "measured": 3, "near": 1,
    "nearest_ms": 3.0, "farthest_ms": 180.0, "nearest": "local", "nearest_instance": _EVIL,
    "prefixes": 1, "operators": 1, "instances": 1, "countries": [], "standing": "one near",
    "far_ms": 60.0,
}  # fmt: skip
_FAR = _ZONE | {"zone": "far.", "near": 0, "standing": "far", "nearest": "far"}
_UNKNOWN = _FAR | {"zone": "x.", "measured": 0, "nearest_ms": None, "farthest_ms": None,
                   "nearest": "", "standing": "not measured"}  # fmt: skip
_GEOGRAPHY = {"access_ms": 2.0, "link_ms": 60.0, "link_from": "assumed", "sentence": _EVIL}


def replies(*items: dict[str, Any]) -> list[bytes]:
    told = [{"id": 1, "ok": True, **item} for item in (*items, {"end": True})]
    return [msgspec.json.encode(one) + b"\n" for one in told]


DRILLED = replies(
    {"progress": "looking at what is known", "done": 1, "of": 2}, {"report": _REPORT},
    {"failing": [_ROW] * 32}, {"failing": [_ROW] * 20},
)  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main.main(words)
    return status, *capsys.readouterr()


def is_inert(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


def test_a_drill_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, DRILLED) as (path, asked):
        words = ("drill", "--socket", path, "--after", "0s,1h", "--far-ms", "60", "--cold")
        status, out, err = run(capsys, *words)
        assert (status, err) == (0, "")
        assert asked == [{"id": 1, "do": "drill", "after": "0s,1h", "cold": True, "far_ms": 60.0}]
    lines = out.splitlines()
    assert lines[0] == _REPORT["verdict"]
    assert "after 1 h  0 %    0 %    50 %       50 %   0" in lines
    assert "local root     would add  0        +12" in lines
    assert "stale answers  gives      +25      0" in lines
    assert lines[-1] == "… and 12 more (--json has them)"
    assert is_inert(out)


def test_as_json_it_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, DRILLED) as (path, _):
        status, out, _ = run(capsys, "drill", "--socket", path, "--json")
    found = msgspec.json.decode(out)
    assert (status, found["names"], len(found["failing"])) == (0, 2, 52)
    assert is_inert(out)


def test_what_is_kept_and_which_outage_are_handed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with door_of(tmp_path, DRILLED) as (path, asked):
        run(capsys, "drill", "--socket", path, "--keep-only", "192.0.2.0/24", "::/0",
            "--as-outage", "2026-11-30")  # fmt: skip
        assert asked[0]["keep_only"] == ["192.0.2.0/24", "::/0"]
        assert asked[0]["as_outage"] == "2026-11-30"


def test_names_come_from_a_file_that_the_daemon_never_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "names"
    file.write_text("www.example.com\n# ours\nmail.example.com MX\n")
    with door_of(tmp_path, DRILLED) as (path, asked):
        run(capsys, "drill", "--socket", path, "--names", str(file))
        assert asked[0]["names"] == ["www.example.com", "# ours", "mail.example.com MX"]
    monkeypatch.setattr("sys.stdin", io.StringIO("a.example\n"))
    with door_of(tmp_path, DRILLED) as (path, asked):
        run(capsys, "drill", "--socket", path, "--names", "-")
        assert asked[0]["names"] == ["a.example"]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (None, "No such file"),
        (b"# nothing\n", "a name a line"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * CONTROL_LINE_OCTETS, "60 KiB at most"),
    ],
)
def test_a_file_that_is_no_list_of_names_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], octets: bytes | None, why: str
) -> None:
    file = tmp_path / "names"
    if octets is not None:
        file.write_bytes(octets)
    status, out, err = run(capsys, "drill", "--names", str(file))
    assert (status, out) == (2, "")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("drill",), ("geo", "zones"), ("geo", "survey")])
def test_without_a_daemon_they_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status, out, err = run(capsys, *words, "--socket", str(tmp_path / "none"))
    assert (status, out) == (1, "")
    assert err.startswith(f"resolver {words[0]}: no daemon has a control socket at ")


def test_a_refusal_is_inert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = msgspec.json.encode({"id": 1, "ok": False, "error": _EVIL}) + b"\n"
    with door_of(tmp_path, [refused]) as (path, _):
        status, out, err = run(capsys, "drill", "--socket", path)
    assert (status, out) == (1, "")
    assert is_inert(err)


# --- geo -----------------------------------------------------------------------------------------

ZONES = replies(
    {"names": 2, "known": 3, "geography": _GEOGRAPHY}, {"zones": [_ZONE]},
    {"zones": [_FAR, _UNKNOWN]},
)  # fmt: skip
SURVEY = replies(
    {"progress": "asking servers", "done": 1, "of": 2},
    {"tlds": "used", "known": 3, "to_be_asked": 2, "seconds": 90, "near": 0, "one_near": 1,
     "far": 1, "not_measured": 1, "geography": _GEOGRAPHY | {"sentence": ""}},
    {"zones": [_ZONE, _FAR, _UNKNOWN]},
)  # fmt: skip


def test_zones_are_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, ZONES) as (path, asked):
        status, out, _ = run(capsys, "geo", "zones", "--socket", path, "--days", "3")
        assert asked == [{"id": 1, "do": "geo zones", "days": 3}]
    assert status == 0
    assert "far begins at 60 ms (assumed)\n3 zones are needed by 2 names in use\n" in out
    far, unknown = out.splitlines()[-2:]
    assert far.split()[:7] == ["far.", "50", "%", "FAR", "3.0", "ms", "far"]
    assert "NOT MEASURED" in unknown
    assert is_inert(out)


def test_a_survey_says_what_it_would_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with door_of(tmp_path, SURVEY) as (path, asked):
        status, out, _ = run(capsys, "geo", "survey", "--socket", path, "--tlds", "cc", "--yes")
        assert asked == [{"id": 1, "do": "geo survey", "tlds": "cc", "yes": True}]
    assert status == 0
    assert "3 top-level domains: 0 near, 1 by one server only, 1 far, 1 not measured" in out
    assert "2 servers were not measured; --yes asks them, in 1 min" in out


def test_as_json_geo_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door_of(tmp_path, ZONES) as (path, _):
        _, out, _ = run(capsys, "geo", "zones", "--socket", path, "--json")
    found = msgspec.json.decode(out)
    assert [zone["standing"] for zone in found["zones"]] == ["one near", "far", "not measured"]
    assert is_inert(out)


def test_over_the_control_command_they_have_a_form_too() -> None:
    for verb, items in (("drill", DRILLED), ("geo zones", ZONES), ("geo survey", SURVEY)):
        for item in items[:-1]:
            reply = msgspec.json.decode(item)
            lines = list(shown(verb, {key: reply[key] for key in reply if key not in ("id", "ok")}))
            assert lines
            assert all(is_inert(line) for line in lines)
    assert drill_shown.progress({"progress": "p", "done": 1, "of": 2}) == "p: 1 of 2 names"
    assert geo_shown.progress({"progress": "p", "done": 1, "of": 2}) == "p: 1 of 2"


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="an extra: pip install 'resolver[cli]'")
    for words, items in ((("drill",), DRILLED), (("geo", "zones"), ZONES)):
        file = tmp_path / f"{words[-1]}.png"
        with door_of(tmp_path, items) as (path, _):
            status, _, err = run(capsys, *words, "--socket", path, "--png", str(file))
        assert (status, err) == (0, "")
        assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", [("drill",), ("geo", "zones")])
def test_a_picture_that_cannot_be_written_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    status, _, err = run(capsys, *command, "--png", str(tmp_path / "none" / "x.png"))
    assert status == 2
    assert "a file to write, in a directory that there is" in err


def test_without_the_library_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="matplotlib, which is not installed"):
        pictures.look_at("--png", "x.png")
    pictures.look_at("--png", None)


def test_where_nothing_is_drawn_nothing_of_it_is_loaded() -> None:
    assert not hasattr(drill, "matplotlib")
    assert not hasattr(geo, "matplotlib")
