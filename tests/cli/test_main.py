"""The command line as people use it: what it prints, and its exit status."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from resolver.cli import check
from resolver.cli.main import main
from resolver.config import load
from resolver.daemon import service_unit
from resolver.daemon.state import read_hints
from resolver.lab.catalogue import SHOWN


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
        (("query", "--config", "/no/where", "a.b"), "--config: '/no/where' is not allowed"),
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


def test_check_tells_all_that_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("[server]\nlisten = ['x']\nallow_from = ['10.0.0.1/8']\n")
    status, out, err = run(capsys, "check", str(path))
    assert (status, out) == (2, "")
    assert "server.listen: 'x' is not allowed" in err
    assert 'the network\'s first address: "10.0.0.0/8"' in err
    assert err.endswith(f"{path}: 2 problems\n")


def test_check_reads_the_files_that_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "my.hints").write_text("; nothing\n")
    path = tmp_path / "resolver.toml"
    path.write_text(f"working_directory = '{tmp_path}'\n[root]\nhints_file = 'my.hints'\n")
    status, _, err = run(capsys, "check", str(path))
    assert status == 2
    assert "an NS record of the root with an address" in err


def test_check_sums_up_what_is_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(
        "[server]\nlisten = ['192.0.2.1']\n[[forward]]\nzone = 'corp'\naddresses = ['::1']\n"
    )
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert "forward corp" in out
    assert "note: server.listen has addresses that others can reach" in out
    assert out.splitlines()[0] == f"{path}: ok"
    assert out.count("\n") < 15


BAD = {
    "a truncated key": ("trust_anchors_file = 'keys'", ". IN DS 20326 8 2 E06D", "20326 8 2 E06D"),
    "no key": ("trust_anchors_file = 'keys'", "hello", "no DS or DNSKEY record"),
    "no key of its algorithm": (
        "trust_anchors_file = 'keys'",
        "corp. IN DNSKEY 257 3 13 AAAA",
        "corp. has no anchor that can be used: DNSKEY 1038: it is no key of algorithm 13",
    ),
    "no text": ("trust_anchors_file = 'keys'", "\x00\udcff", "a file of DS or DNSKEY"),
}


def _verdicts(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` and `serve` say of *path*: both refuse it, with the same lines."""
    status, out, err = run(capsys, "check", str(path))
    assert (status, out) == (2, "")
    *problems, verdict = err.splitlines()
    assert verdict == f"{path}: {len(problems)} problem" + ("s" if len(problems) > 1 else "")
    status, _, err = run(capsys, "serve", "--config", str(path))
    assert status == 2
    assert err.splitlines() == [f"resolver: {problem}" for problem in problems]
    return "\n".join(problems)


USELESS = {
    "none configured": ("", None, "no", "dnssec has no trust anchor: nothing"),
    "an empty file": ("", "; to be filled in", "no", "keys has no trust anchor: nothing"),
    "DSA": ("", f". IN DS 1 3 2 {'AB' * 32}", "no", "DS 1: algorithm 3 is not supported: nothing"),
    "an unknown digest": ("", f". IN DS 1 13 77 {'AB' * 32}", "no", "digest type 77 is not"),
    "DSA below the root": (
        "builtin_root_anchor = true",
        f"corp. IN DS 1 3 2 {'AB' * 32}",
        "yes",
        "corp. has no anchor that can be used",
    ),
}


@pytest.mark.parametrize("kind", USELESS)
def test_anchors_that_validate_nothing_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    """They stop no start: a zone may have gone on to an algorithm of the future."""
    line, keys, validates, said = USELESS[kind]
    path = tmp_path / "resolver.toml"
    lines = ["[dnssec]", line or "builtin_root_anchor = false"]
    if keys is not None:
        (tmp_path / "keys").write_text(keys)
        lines.append(f"trust_anchors_file = '{tmp_path}/keys'")
    path.write_text("\n".join(lines))
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"validates    {validates}\n" in out
    assert said in out


HEAD = "access list, query rules, class CHAOS"


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (
            "",
            f"{HEAD}, designated resolver, local zones | root key sentinel",
        ),
        (
            "ddr.answer = false\nresolution.local_zones = false\ndnssec.root_key_sentinel = false",
            HEAD,
        ),
    ],
)
def test_check_shows_what_policy_does_in_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, steps: str
) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(text)
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"  policy       {steps}\n" in out


@pytest.mark.parametrize("kind", BAD)
def test_check_and_serve_refuse_the_same_trust_anchors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    line, content, said = BAD[kind]
    (tmp_path / "keys").write_bytes(content.encode("utf-8", "surrogateescape"))
    path = tmp_path / "resolver.toml"
    path.write_text(f"working_directory = '{tmp_path}'\n[dnssec]\n{line}\n")
    assert said in _verdicts(path, capsys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server.user = 'no-such-account'", "server.user: 'no-such-account'"),
        ("log.destination = 'no/such/directory/log'", "there is no directory"),
        ("log.destination = '/'", "Is a directory"),
        ("server.listen = ['127.0.0.1', '127.0.0.1:53']", "each address once"),
        (
            "server.listen = ['127.0.0.1:99']\nforward = [{zone='.', addresses=['127.0.0.1:99']}]",
            "forward .: '127.0.0.1:99' is not allowed; expected another server",
        ),
        (
            "stub = [{zone='corp', addresses=['127.0.0.7:99']}]\n[server]\nlisten = ['0.0.0.0:99']",
            "stub corp: '127.0.0.7:99' is not allowed",
        ),
    ],
)
def test_check_and_serve_refuse_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(text)
    assert said in _verdicts(path, capsys)


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


def test_check_tells_that_no_state_can_be_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.cli.verify._may_write", lambda *_: False)
    path = tmp_path / "resolver.toml"
    path.write_text(f"working_directory = '{tmp_path}'\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"note: working_directory {tmp_path} cannot be written by" in out


def test_what_systemd_makes_for_the_service_need_not_be_there_yet(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note; but an error to who starts it without systemd, or has no such service file."""
    monkeypatch.setattr(service_unit, "_ROOTS", {"StateDirectory": str(tmp_path)})
    monkeypatch.setattr(service_unit, "_FOLDERS", (str(tmp_path),))
    state, path, unit = tmp_path / "state", tmp_path / "a.toml", tmp_path / "resolver.service"
    path.write_text(
        f"working_directory = '{state}'\nlog.destination = 'log'\nserver.user = 'nobody-here'\n"
    )
    status, _, err = run(capsys, "check", str(path))
    assert status == 2
    assert f"working_directory: '{state}' is not allowed" in err
    unit.write_text("[Service]\nDynamicUser=yes\nUser=nobody-here\nStateDirectory=state\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert out.splitlines()[0] == f"{path}: ok"
    assert f"note: working_directory {state} is made by systemd, as the service file says\n" in out
    status, _, err = run(capsys, "serve", "--config", str(path))
    assert status == 2
    assert f"working_directory: '{state}' is not allowed" in err
    state.mkdir()
    status, out, _ = run(capsys, "check", str(path))
    assert (status, "note: working_directory" in out) == (0, False)


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
    assert out.splitlines()[0].endswith("resolver.toml: ok")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to ask as somebody else")
@pytest.mark.parametrize(
    "line",
    [
        "root.hints_file = 'PRIVATE/file'",
        "dnssec.trust_anchors_file = 'PRIVATE/file'",
        "log.destination = 'PRIVATE/file'",
        "working_directory = 'PRIVATE/directory'",
    ],
)
def test_check_by_a_user_who_may_not_look_is_a_line_and_a_verdict(line: str) -> None:
    """Not a traceback: asking whether a file is there may be refused too."""
    with tempfile.TemporaryDirectory() as place:
        private, path = Path(place, "private"), Path(place, "resolver.toml")
        (private / "directory").mkdir(parents=True)
        (private / "file").write_text("")
        private.chmod(0o700)
        Path(place).chmod(0o755)
        path.write_text(line.replace("PRIVATE", str(private)))
        options = argparse.Namespace(file=str(path))
        pid = os.fork()
        if pid == 0:  # the modules are loaded: the other user may not read them
            os.setgroups([])
            os.setuid(65_534)
            err = io.StringIO()
            with contextlib.redirect_stderr(err):
                status = check.run(options)
            lines = err.getvalue().splitlines()
            is_right = len(lines) == 2 and lines[1] == f"{path}: 1 problem" and status == 2
            os._exit(0 if is_right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


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
