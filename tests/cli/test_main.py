"""The command line as people use it: what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from resolver.cli.main import main
from resolver.config import load
from resolver.daemon.state import read_hints
from resolver.lab.catalogue import SHOWN

if TYPE_CHECKING:
    from pathlib import Path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_query_is_answered_in_the_form_of_dig(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "query", "--lab", "WWW.example.com", "AAAA")
    assert status == 0
    assert out.startswith(";; NOERROR, secure, ")
    assert "\nwww.example.com.\t300\tIN\tAAAA\t2001:db8::80\n" in out


def test_a_query_is_answered_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "query", "--lab", "--json", "alias.example.com")
    document: dict[str, Any] = json.loads(out)
    assert status == 0
    assert document["question"] == {"name": "alias.example.com.", "type": "A", "class": "IN"}
    assert document["status"] == "NOERROR"
    assert [record["type"] for record in document["answer"]] == ["CNAME", "A"]


def test_signatures_are_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "query", "--lab", "--dnssec", "www.signed.org")
    assert "\tRRSIG\tA 13 3 " in out


def test_a_bogus_answer_is_refused_and_the_reason_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = run(capsys, "query", "--lab", "www.bogus.org")
    assert status == 1
    assert "SERVFAIL" in out
    assert "www.bogus.org. A" in out.partition(";; QUESTION")[0]
    status, out, _ = run(capsys, "query", "--lab", "--cd", "www.bogus.org")
    assert status == 0
    assert "203.0.113.31" in out


def test_a_name_that_does_not_exist_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "query", "--lab", "nope.example.com")
    assert status == 0
    assert "NXDOMAIN" in out


def test_an_address_is_looked_up_backwards(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "query", "--lab", "-x", "127.0.0.1")
    assert status == 0
    assert "\tPTR\tlocalhost." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query", "a..b"), "NAME: 'a..b' is not allowed; expected a domain name"),
        (("query", "a.b", "BEE"), "TYPE: 'BEE' is not allowed; expected a record type"),
        (("query", "-x", "a.b"), "NAME: 'a.b' is not allowed; expected an address"),
        (("query", "--config", "/no/where", "a.b"), "--config: '/no/where' is not there"),
        (("serve", "--listen", "here"), "--listen: 'here' is not allowed"),
        (("bench", "--names", "/no/where"), "--names: '/no/where' is not allowed"),
    ],
)
def test_wrong_use_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert said in err


def test_a_trace_shows_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "trace", "--lab", "www.example.com")
    assert status == 0
    steps = [line for line in out.splitlines() if "→" in line]
    assert steps[0].split()[1] == "."
    assert "referral: com. has 1 nameservers" in steps[0]
    assert any("www.example.com. A @ ns" in step and "answer:" in step for step in steps)
    assert out.partition("\n\n;; CHAIN OF TRUST\n")[0].endswith("\t192.0.2.80")


def test_a_trace_shows_what_came_to_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "trace", "--lab", "www.refused.org")
    assert status == 1
    assert "→ refused" in out


def test_a_trace_in_json_has_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "trace", "--lab", "--json", "www.example.com")
    document = json.loads(out)
    verdicts = {step["verdict"] for step in document["steps"]}
    assert {"referral", "answer"} <= verdicts
    assert document["answer"][0]["data"] == "192.0.2.80"


@pytest.mark.parametrize("command", ["query", "trace"])
def test_a_question_leaves_the_state_of_the_daemon_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    """Keys of the lab, kept beside its own, would be what the daemon trusts at its next start."""
    state, path = tmp_path / "state", tmp_path / "resolver.toml"
    state.mkdir()
    path.write_text(f"working_directory = '{state}'\nserver.user = ''\ndnssec.rfc5011 = true\n")
    status, _, _ = run(capsys, command, "--lab", "--config", str(path), "www.signed.org")
    assert (status, list(state.iterdir())) == (0, [])


def test_relative_files_are_found_where_check_finds_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Hints too: from working_directory, not from where the daemon was started."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "my.hints").write_text(". NS a.root.\na.root. A 192.0.2.1\n")
    path = tmp_path / "resolver.toml"
    path.write_text(f"working_directory = '{state}'\n[root]\nhints_file = 'my.hints'\n")
    assert run(capsys, "check", str(path))[0] == 0
    assert [str(host) for _, host in read_hints(load.load(path))] == ["192.0.2.1"]


@pytest.mark.parametrize("command", ["query", "trace"])
def test_a_file_that_cannot_be_used_is_one_line_in_every_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    """It is found among the tasks of a running resolver, which wrap what they raise."""
    hints = tmp_path / "my.hints"
    hints.write_text("here\n")
    path = tmp_path / "resolver.toml"
    path.write_text(f"root.hints_file = '{hints}'\n")
    status, _, err = run(capsys, command, "--config", str(path), "example.com")
    assert status == 2
    assert err.count("\n") == 1
    assert "my.hints line 1: 'here' is not allowed" in err


def test_a_byte_order_mark_is_no_part_of_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Windows' editors begin UTF-8 with one."""
    texts = {
        "resolver.toml": f"working_directory = '{tmp_path}'\n[root]\nhints_file = 'my.hints'\n"
        "[dnssec]\ntrust_anchors_file = 'keys'\n",
        "my.hints": ". NS a.root.\na.root. A 192.0.2.1\n",
        "keys": ". IN DS 20326 8 2 " + "E0" * 32 + "\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8-sig")
    status, out, _ = run(capsys, "check", str(tmp_path / "resolver.toml"))
    assert status == 0
    assert out.splitlines()[-1].endswith("resolver.toml: ok")


@pytest.mark.parametrize("command", ["check", "serve --config", "query . --config"])
def test_a_file_without_a_name_is_no_file(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """resolver serve --config "$NOT_SET" must not serve with the defaults instead."""
    status, out, err = run(capsys, *command.split(), "")
    assert (status, out) == (2, "")
    assert "--config: '' is not allowed; expected a file to read" in err


def test_lab_lists_what_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a question, under its heads; nothing is built or asked for it."""
    status, out, _ = run(capsys, "lab")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split() == ["NAME", "TYPE", "ANSWER", "WHAT", "IT", "SHOWS"]
    assert [line.split()[:2] for line in lines[1:]] == [[one.name, one.rtype] for one in SHOWN]
