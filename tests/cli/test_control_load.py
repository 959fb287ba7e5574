"""cache load reads the file here, sends whole entries, and tells bad lines by their numbers."""

from __future__ import annotations

import argparse
import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from resolver.cli import control_load
from resolver.limits import CONTROL_LINE_OCTETS, LOAD_ERRORS

if TYPE_CHECKING:
    from pathlib import Path

HEAD = ";= rrset rank=auth_answer status=secure zone=example.net. left=300 kept=300"
RECORD = "www.example.net. 300 IN A 192.0.2.80"


class Asked:
    """In the place of a session; *wrong*: how many lines of each request it finds wrong."""

    def __init__(self, wrong: int = 0) -> None:
        self.wrong = wrong
        self.requests: list[dict[str, Any]] = []

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        assert do == "cache load"
        self.requests.append(given)
        errors = [{"line": given["line"], "error": "no"}] * self.wrong
        taken = sum(line.startswith(";=") for line in given["file"])
        counts = {"taken": taken, "known": 0, "expired": 0, "left_out": 0, "wrong": self.wrong}
        return {**counts, "errors": errors}


def load(asked: Asked, path: Path | str, *, is_json: bool = False) -> int:
    options = argparse.Namespace(words=[str(path)], json=is_json)
    return control_load.run(asked, options)  # type: ignore[arg-type]


def test_a_large_file_goes_in_whole_entries_with_their_numbers(tmp_path: Path) -> None:
    lines = [";; resolver cache, at 1785000000 (Unix time)"]
    for _ in range(3000):
        lines += [HEAD, RECORD, RECORD.replace("80", "81")]
    (tmp_path / "dump").write_text("\n".join(lines) + "\n")
    asked = Asked()
    assert load(asked, tmp_path / "dump") == 0
    assert len(asked.requests) > 3
    for request in asked.requests:
        assert (
            len(msgspec.json.encode({"id": 1, "do": "cache load", **request})) < CONTROL_LINE_OCTETS
        )
        assert request["at"] == 1785000000
        assert lines[request["line"] - 1] == request["file"][0]
        assert request["file"][0].startswith(";")
    assert [line for request in asked.requests for line in request["file"]] == lines


def test_what_is_wrong_is_told_and_the_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dump").write_text(f"{HEAD}\n{RECORD}\n")
    assert load(Asked(wrong=LOAD_ERRORS + 5), tmp_path / "dump") == 1
    printed = capsys.readouterr()
    assert printed.out == f"1 taken, 0 known, 0 expired, 0 left out, {LOAD_ERRORS + 5} wrong\n"
    assert printed.err.splitlines() == ["line 1: no"] * LOAD_ERRORS
    assert load(Asked(), tmp_path / "dump", is_json=True) == 0
    assert json.loads(capsys.readouterr().out)["taken"] == 1


def test_an_entry_without_end_is_cut(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(f"{HEAD}\n" + f"{RECORD}\n" * 5000 + f"{HEAD}\n{RECORD}\n")
    asked = Asked()
    load(asked, tmp_path / "dump")
    sizes = [len(msgspec.json.encode(request)) for request in asked.requests]
    assert max(sizes) < CONTROL_LINE_OCTETS
    assert asked.requests[-1]["file"][-2:] == [HEAD, RECORD]


def test_what_comes_in_may_be_a_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{HEAD}\n{RECORD}\n"))
    asked = Asked()
    assert load(asked, "-") == 0
    assert asked.requests[0]["file"] == [HEAD, RECORD]


@pytest.mark.parametrize(
    ("octets", "why"), [(None, "No such file"), (b"\xff\xfe", "it is no text")]
)
def test_a_file_that_is_none(
    octets: bytes | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if octets is not None:
        (tmp_path / "dump").write_bytes(octets)
    assert load(Asked(), tmp_path / "dump") == 2
    assert why in capsys.readouterr().err
