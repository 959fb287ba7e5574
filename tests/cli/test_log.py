"""resolver log shows what a daemon of this machine keeps, as far as one may read it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resolver.cli.log import Reader
from resolver.cli.main import main
from resolver.limits import LOG_CHUNK_OCTETS, LOG_FOLLOW_LINES, LOG_FOLLOW_SECONDS
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.render import build_query
from resolver.telemetry.query_lines import Line, Mark, octets_of
from tests.cli.test_serve import PATIENCE_S, _say, free_port, serving

if TYPE_CHECKING:
    from pathlib import Path

MARK = Mark(t="2026-07-25T17:00:00.000Z", event="start", queries="all", clients="no")


def line(name: str, **more: object) -> Line:
    said: dict[str, object] = {
        "t": "2026-07-25T17:00:01.000Z", "name": name, "type": "A", "rcode": "NOERROR", "ms": 0.0,
        "source": "cache", "transport": "udp", "view": "default",
    }  # fmt: skip
    return Line(**{**said, **more})  # type: ignore[arg-type]


FAILED = line(
    "dead.example.org.", rcode="SERVFAIL", ms=1800.5, source="network", ede=(22, 23),
    server="192.0.2.20", instance="fra1", view="guests", client="192.0.2.0/24", transport="tls",
)  # fmt: skip
LINES: list[Line | Mark] = [
    MARK,
    line("www.example.com."),
    FAILED,
    line("example.com."),
    line("badexample.com."),
]


def kept(path: Path, *lines: Line | Mark, day: str = "20260725") -> str:
    """A configuration whose daemon kept *lines*."""
    (path / "queries").mkdir(exist_ok=True)
    with (path / "queries" / f"{day}-000001.jsonl").open("ab") as file:
        file.writelines(map(octets_of, lines))
    config = path / "resolver.toml"
    config.write_text(f"working_directory = '{path}'\n")
    return str(config)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["log", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_it_is_shown_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin, first, second, *_ = shown(capsys, "--config", kept(tmp_path, *LINES))
    assert begin == "2026-07-25T17:00:00.000Z --- the log begins (queries: all, clients: no)"
    assert first == "2026-07-25T17:00:01.000Z www.example.com. A NOERROR cache over udp"
    assert second == (
        "2026-07-25T17:00:01.000Z dead.example.org. A SERVFAIL network 1800.5 ms by 192.0.2.20 "
        "(fra1) over tls view guests for 192.0.2.0/24 EDE 22, 23"
    )


def test_a_name_stands_for_all_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "--config", kept(tmp_path, *LINES), "--json", "--name", "EXAMPLE.com")
    assert [json.loads(each)["name"] for each in found] == ["www.example.com.", "example.com."]


def test_only_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = shown(capsys, "--config", kept(tmp_path, *LINES), "--json", "--failures")
    assert json.loads(found)["ede"] == [22, 23]


def test_files_are_read_in_their_order_and_what_is_no_line_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, line("b."), day="20260726")
    config = kept(tmp_path, line("a."))
    with (tmp_path / "queries" / "20260725-000001.jsonl").open("ab") as file:
        file.write(b'{"t":"torn\n\xff\xfe\n{}\n')
    found = shown(capsys, "--config", config, "--json")
    assert [json.loads(each)["name"] for each in found] == ["a.", "b."]


def test_what_stands_on_disk_cannot_command_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = shown(capsys, "--config", kept(tmp_path, line("\x1b[2Jx.")))
    assert found.isprintable()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "working_directory: '' is not allowed; expected a directory: the query log is in it"),
        ("working_directory = '{}'", "no query log in {}/queries: there is none; log.queries = "),
    ],
)
def test_where_there_is_none_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    config = tmp_path / "resolver.toml"
    config.write_text(text.format(tmp_path))
    assert main(["log", "--config", str(config)]) == (1 if text else 2)
    err = capsys.readouterr().err
    assert said.format(tmp_path) in err
    assert err.count("\n") == 1


def test_a_name_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "--config", kept(tmp_path, *LINES), "--name", "a..b"]) == 2
    assert "--name: 'a..b' is not allowed" in capsys.readouterr().err


@pytest.mark.reaches("LOG_CHUNK_OCTETS")
def test_a_line_without_end_does_not_fill_memory(tmp_path: Path) -> None:
    kept(tmp_path, line("a."))
    with (tmp_path / "queries" / "20260725-000001.jsonl").open("ab") as file:
        file.write(b"x" * (3 * LOG_CHUNK_OCTETS) + b"\n" + octets_of(line("b.")))
    reader = Reader(tmp_path / "queries")
    assert [found.name for found in reader.new() if isinstance(found, Line)] == ["a.", "b."]
    assert list(reader.new()) == []


@pytest.mark.reaches("LOG_FOLLOW_SECONDS")
def test_it_looks_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 1:
            raise KeyboardInterrupt
        kept(tmp_path, line("later."))

    monkeypatch.setattr("resolver.cli.log.time.sleep", sleep)
    assert main(["log", "--config", kept(tmp_path, line("a.")), "--follow"]) == 130
    assert [said.split()[1] for said in capsys.readouterr().out.splitlines()] == ["a.", "later."]
    assert slept == [LOG_FOLLOW_SECONDS] * 2


@pytest.mark.reaches("LOG_FOLLOW_LINES")
def test_it_can_be_followed_over_the_end_of_a_file(tmp_path: Path) -> None:
    config = kept(tmp_path, *(line(f"n{number}.") for number in range(LOG_FOLLOW_LINES + 5)))
    command = [sys.executable, "-m", "resolver", "log", "--config", config, "--follow", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline())["name"] for _ in range(LOG_FOLLOW_LINES)]
        assert first == [f"n{number}." for number in range(5, LOG_FOLLOW_LINES + 5)]
        kept(tmp_path, line("later."))
        kept(tmp_path, line("tomorrow."), day="20260726")
        assert json.loads(process.stdout.readline())["name"] == "later."
        assert json.loads(process.stdout.readline())["name"] == "tomorrow."
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130


@pytest.mark.parametrize("workers", [1, 2])
def test_a_daemon_keeps_one_and_its_workers_keep_it_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    port = free_port()
    head = (
        f"working_directory = '{tmp_path}'\nserver.user = ''\nserver.workers = {workers}\n"
        "log.queries = 'all'\nlog.clients = 'hash'\ncache.persist = false"
    )
    with serving(tmp_path, port, head=head) as process:
        for name in [f"n{number}.localhost." for number in range(20)] * 2:  # of each worker some
            query = build_query(id=7, qname=names.from_text(name), qtype=RRType.A, flags=Flag.RD)
            assert _say(port, query).rcode == 0
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    found = [
        json.loads(each)
        for each in shown(capsys, "--config", str(tmp_path / "resolver.toml"), "--json")
    ]
    events = [(each["event"], each.get("worker", 0)) for each in found if "event" in each]
    assert sorted(events) == sorted((e, w) for e in ("start", "stop") for w in range(workers))
    asked = [each for each in found if "name" in each]
    assert len({each["name"] for each in asked}) == 20
    assert {each["from"] for each in asked} == {"local", "cache"}
    assert len(asked) >= 40  # one that took long was asked again
    assert len({each["client"] for each in asked}) == 1
