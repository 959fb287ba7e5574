"""`resolver query` as people and scripts use it: what is printed, letter by letter; the status."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from resolver.cli import servers
from resolver.cli.main import main, read
from resolver.limits import ASK_TRIES
from resolver.protocol import names
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRClass, RRType
from resolver.protocol.edns import ede_option
from resolver.protocol.message import Record
from tests.cli.fake_server import address, reply, serving

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.protocol.message import Message

MX = b"\x00\x0a\x04mail\x07example\x00"


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A resolver of the machine that runs the tests must not be found."""
    monkeypatch.setattr(servers, "_USUAL", ())
    monkeypatch.setattr(servers, "DEFAULT_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.delenv("NO_COLOR", raising=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["query", *arguments])
    captured = capsys.readouterr()
    return status, re.sub(r"\d+ ms\b", "7 ms", captured.out), captured.err


def _www(query: Message, _: str) -> bytes:
    record = address(query)
    if query.qtype == RRType.MX:
        record = Record(query.qname, RRType.MX, 1, 60, MX)
    return reply(query, record, flags=query.flags & Flag.AD)


def _bogus(query: Message, _: str) -> bytes:
    said = ede_option(EdeCode.DNSSEC_BOGUS, "the signature is wrong")
    return reply(query, rcode=Rcode.SERVFAIL, options=(said,))


def _big(query: Message, transport: str) -> bytes:
    if transport == "udp":
        return reply(query, flags=Flag.TC)
    return reply(query, *(address(query, f"192.0.2.{number}") for number in range(1, 100)))


def _old(query: Message, _: str) -> bytes:
    """FORMERR with a bare header to what has EDNS, as servers from before 1999."""
    if query.edns is None:
        return reply(query, address(query))
    bare = reply(query, rcode=Rcode.FORMERR)[:12]
    return bare[:4] + bytes(8)


def _none(query: Message, _: str) -> bytes:
    return reply(query, rcode=Rcode.NXDOMAIN)


WORLD = {b"www": _www, b"bogus": _bogus, b"big": _big, b"old": _old, b"none": _none}


def says(query: Message, transport: str) -> bytes:
    """A small Internet, by the first label."""
    found = WORLD.get(names.labels(query.qname)[0])
    return reply(query, rcode=Rcode.SERVFAIL) if found is None else found(query, transport)


def test_what_a_server_says_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        status, out, err = run(capsys, f"@127.0.0.1#{port}", "www.example")
    assert (status, err) == (0, "")
    assert out == (
        ";; NOERROR, secure, 7 ms\n"
        f";; answered by 127.0.0.1:{port} (UDP)\n"
        "\n;; QUESTION\n;www.example.\t\tIN\tA\n"
        "\n;; ANSWER\nwww.example.\t300\tIN\tA\t192.0.2.1\n"
    )


def test_the_words_of_a_failure_are_the_servers(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        status, out, err = run(capsys, f"@127.0.0.1:{port}", "bogus.example")
        assert (status, err) == (1, "")
        assert out.startswith(
            f";; SERVFAIL, bogus, 7 ms\n;; answered by 127.0.0.1:{port} (UDP)\n"
            ";; DNSSEC bogus: the signature is wrong\n"
        )
        status, out, err = run(capsys, f"@127.0.0.1:{port}", "bogus.example", "--short")
        assert (status, out) == (1, "")
        assert err == "resolver: bogus.example. A: SERVFAIL: DNSSEC bogus: the signature is wrong\n"
        _, _, err = run(capsys, f"@127.0.0.1:{port}", "broken.example", "--short")
        assert err == "resolver: broken.example. A: SERVFAIL: the server does not say why\n"


def test_short_is_the_data_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        asked = ("A", "--short", "www.example", f"@127.0.0.1:{port}", "MX")
        assert run(capsys, *asked) == (0, "192.0.2.1\n10 mail.example.\n", "")
        assert run(capsys, "none.example", *asked[-2:], "--short") == (0, "", "")


def test_what_dig_s_users_write_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        asked = (f"@127.0.0.1:{port}", "www.example", "IN", "MX", "+short")
        assert run(capsys, *asked) == (0, "10 mail.example.\n", "")
    options = read(["query", "a.b", "+tcp", "+dnssec", "+cd"])
    assert (options.tcp, options.dnssec, options.cd, options.words) == (True, True, True, ["a.b"])
    with pytest.raises(SystemExit):
        main(["query", "a.b", "+short", "--json"])
    assert "not allowed with argument --short" in capsys.readouterr().err


def test_json_is_an_object_for_each_question(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        status, out, _ = run(capsys, f"@127.0.0.1:{port}", "--json", "www.example")
        document: dict[str, Any] = json.loads(out)
        assert status == 0
        assert isinstance(document.pop("elapsed_ms"), float)
        assert document == {
            "question": {"name": "www.example.", "type": "A", "class": "IN"},
            "status": "NOERROR",
            "security": "secure",
            "answer": [
                {
                    "name": "www.example.",
                    "ttl": 300,
                    "class": "IN",
                    "type": "A",
                    "data": "192.0.2.1",
                }
            ],
            "authority": [],
            "extended_errors": [],
            "source": {
                "kind": "server",
                "text": f"answered by 127.0.0.1:{port} (UDP)",
                "address": f"127.0.0.1:{port}",
                "transport": "udp",
            },
        }
        _, out, _ = run(capsys, f"@127.0.0.1:{port}", "--json", "www.example", "none.example")
    statuses = [json.loads(line)["status"] for line in out.splitlines()]
    assert statuses == ["NOERROR", "NXDOMAIN"]


def test_what_is_cut_short_is_asked_for_over_tcp(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        _, out, _ = run(capsys, f"@127.0.0.1:{port}", "big.example")
        assert f"answered by 127.0.0.1:{port} (TCP)" in out
        assert out.count("\tA\t192.0.2.") == 99
        _, out, _ = run(capsys, f"@127.0.0.1:{port}", "www.example", "--tcp")
        assert "(TCP)" in out


def test_a_server_without_edns_is_asked_without(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        assert run(capsys, f"@127.0.0.1:{port}", "old.example", "--short")[:2] == (0, "192.0.2.1\n")


@pytest.mark.reaches("ASK_TRIES", "ASK_REPLY_SECONDS")
def test_silence_is_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    heard = []

    def mute(query: Message, _: str) -> None:
        heard.append(query.qname)

    with serving(mute) as port:
        arguments = (f"@127.0.0.1:{port}", "mute.example", "--timeout", "0.1")
        status, out, err = run(capsys, *arguments)
        assert len(heard) == ASK_TRIES
        assert (status, out) == (9, "")
        assert err == f"resolver: mute.example. A: 127.0.0.1:{port} did not reply in 0.1 s\n"
        status, out, _ = run(capsys, *arguments, "--json")
    assert status == 9
    assert json.loads(out)["error"] == f"127.0.0.1:{port} did not reply in 0.1 s"
    status, _, err = run(capsys, "@127.0.0.1", "a.b", "--timeout", "61")
    assert status == 2
    assert "--timeout: 61.0 is not allowed; expected 0.1 to 60 (seconds it waits for a reply" in err


def test_where_nobody_listens_the_system_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        pass
    status, _, err = run(capsys, f"@127.0.0.1:{port}", "www.example")
    assert (status, err) == (9, f"resolver: www.example. A: 127.0.0.1:{port}: Connection refused\n")


def test_the_worst_of_several_is_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        status, out, _ = run(capsys, f"@127.0.0.1:{port}", "bogus.example", "www.example")
    assert status == 1
    assert out.index("SERVFAIL") < out.index("NOERROR")


def test_a_reply_to_something_else_is_no_reply(capsys: pytest.CaptureFixture[str]) -> None:
    """Another id, another question, no response at all: each is passed over (RFC 5452 §3)."""

    def forger(query: Message, _: str) -> bytes:
        right = bytearray(reply(query, address(query)))
        if query.qname.startswith(b"\x02id"):
            right[1] ^= 1
        elif query.qname.startswith(b"\x04name"):
            right[13] ^= 1
        else:
            right[2] &= 0x7F
        return bytes(right)

    with serving(forger) as port:
        for name in ("id.example", "name.example", "query.example"):
            assert run(capsys, f"@127.0.0.1:{port}", name, "--timeout", "0.1")[0] == 9


def daemon_says(query: Message, transport: str) -> bytes | None:
    if query.qclass == RRClass.CH:
        assert query.qname == DAEMON
        return reply(query, Record(query.qname, RRType.TXT, RRClass.CH, 0, DAEMON_TEXT))
    return says(query, transport)


def test_the_daemon_that_runs_is_asked_and_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "resolver.toml"
    with serving(daemon_says) as port:
        path.write_text(f"server.listen = ['127.0.0.1:{port}']\n")
        status, out, _ = run(capsys, "--config", str(path), "www.example")
    assert status == 0
    assert out.splitlines()[1] == f";; answered by the daemon at 127.0.0.1:{port} (UDP)"


def test_without_a_daemon_the_name_is_resolved_here_and_that_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "resolver.toml"
    with serving(says) as port:  # somebody else's resolver
        path.write_text(f"server.listen = ['127.0.0.1:{port}']\n")
        status, out, _ = run(capsys, "--config", str(path), "localhost", "AAAA")
    assert status == 0
    assert out == (
        ";; NOERROR, insecure, 7 ms\n"
        f";; resolved in this process: no daemon of ours answers at 127.0.0.1:{port}\n"
        "\n;; QUESTION\n;localhost.\t\tIN\tAAAA\n"
        "\n;; ANSWER\nlocalhost.\t10800\tIN\tAAAA\t::1\n"
    )
    _, out, _ = run(capsys, "--no-daemon", "localhost")
    assert out.splitlines()[1] == ";; resolved in this process"


def test_an_international_name_is_shown_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(says) as port:
        _, out, _ = run(capsys, f"@127.0.0.1:{port}", "www.bücher.example")
        assert "\n;www.xn--bcher-kva.example.\t\tIN\tA\t; www.bücher.example.\n" in out
        _, out, _ = run(capsys, f"@127.0.0.1:{port}", "www.bücher.example", "--json")
    assert json.loads(out)["question"]["unicode"] == "www.bücher.example."


def test_a_denial_shows_its_soa(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--lab", "nope.example.com", "TXT")
    assert status == 0
    assert out.startswith(";; NXDOMAIN, secure, 7 ms\n;; resolved in a simulated Internet\n\n")
    assert re.search(
        r"\n;; AUTHORITY\nexample\.com\.\t\d+\tIN\tSOA\t\S+ \S+ \d+ \d+ \d+ \d+ \d+\n", out
    )


def test_colors_are_for_those_who_see_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(says) as port:
        asked = (f"@127.0.0.1:{port}", "www.example")
        assert "\033[" not in run(capsys, *asked)[1]
        _, out, _ = run(capsys, *asked, "--color", "always")
        assert out == (
            "\033[32m;; NOERROR, secure, 7 ms\033[0m\n"
            f"\033[2m;; answered by 127.0.0.1:{port} (UDP)\033[0m\n"
            "\n\033[2m;; QUESTION\033[0m\n\033[2m;www.example.\t\tIN\tA\033[0m\n"
            "\n\033[2m;; ANSWER\033[0m\n"
            "www.example.\t300\tIN\t\033[36mA\033[0m\t\033[1m192.0.2.1\033[0m\n"
        )
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        for variables, is_colored in (
            ({"TERM": "xterm"}, True),
            ({"TERM": "xterm", "NO_COLOR": "1"}, False),
            ({"TERM": "dumb"}, False),
        ):
            with monkeypatch.context() as patch:
                for name, value in variables.items():
                    patch.setenv(name, value)
                assert ("\033[" in run(capsys, *asked)[1]) is is_colored


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--lab @127.0.0.1 a.b", "no server together with --lab"),
        ("--port 99 a.b", "an @SERVER that it belongs to"),
        ("@127.0.0.1#x a.b", "@SERVER: '@127.0.0.1#x' is not allowed"),
        (
            "@no-such-host.invalid. a.b",
            "@SERVER: '@no-such-host.invalid.' is not allowed; expected a server",
        ),
        ("-t BEE a.b", "TYPE: 'BEE' is not allowed"),
        ("--lab", "NAME: '(missing)'"),
    ],
)
def test_wrong_use_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    status, out, err = run(capsys, *arguments.split())
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("arguments", ["a.b --sort", "a.b --short --json", "a.b --class XX"])
def test_unknown_options_are_told_with_the_commands_own(
    capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["query", *arguments.split()])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: resolver query ")
