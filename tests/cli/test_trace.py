"""`resolver trace` and `resolver check` as people read them: whole outputs, letter by letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from resolver.cli.main import main
from resolver.daemon import memory_limit

if TYPE_CHECKING:
    from pathlib import Path


# The steps go out side by side: which of two comes first, and over which address, is chance.
STEPS = """\
. . DNSKEY @ a.root-servers.net. HOST, udp T ms → answer: . DNSKEY
. org. NS @ a.root-servers.net. HOST, udp T ms → referral: org. has 1 nameservers, 1 addresses here, signed
org. org. DNSKEY @ a0.org.afilias-nst.info. HOST, udp T ms → answer: org. DNSKEY
org. signed.org. NS @ a0.org.afilias-nst.info. HOST, udp T ms → referral: signed.org. has 1 nameservers, 1 addresses here, signed
signed.org. signed.org. DNSKEY @ ns.signed.org. HOST, udp T ms → answer: signed.org. DNSKEY
signed.org. www.signed.org. A @ ns.signed.org. HOST, udp T ms → answer: www.signed.org. A"""  # noqa: E501
REST = """\

;; NOERROR, secure, T ms

;; QUESTION
;www.signed.org.\t\tIN\tA

;; ANSWER
www.signed.org.\t300\tIN\tA\t203.0.113.11

;; CHAIN OF TRUST
.                    DS 12834 (ECDSAP256SHA256, SHA256): trust anchor
.                    DNSKEY 12834: signed by key 12834 (ECDSAP256SHA256) of . until DAY
org.                 DS 36486 (ECDSAP256SHA256, SHA256): signed by key 12834 (ECDSAP256SHA256) of . until DAY
org.                 DNSKEY 36486: signed by key 36486 (ECDSAP256SHA256) of org. until DAY
"""  # noqa: E501


def test_a_trace_is_steps_answer_and_chain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "--lab", "www.signed.org"]) == 0
    out = capsys.readouterr().out
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "DAY", re.sub(r"\d+(\.\d)? ms", "T ms", out))
    steps, blank, rest = text.partition("\n\n")
    numbers = [line[:4] for line in steps.splitlines()]
    assert numbers == ["  1 ", "  2 ", "  3 ", "  4 ", "  5 ", "  6 "]
    steps = re.sub(r"; instance \S+ \(\S+\)", "", steps)  # which one is chance
    bare = (re.sub(r"(@ \S+) \S+,", r"\1 HOST,", line[4:]) for line in steps.splitlines())
    assert "\n".join(sorted(re.sub(r" +", " ", line) for line in bare)) == STEPS
    assert (blank + rest).removeprefix("\n").startswith(REST)
    assert rest.splitlines()[-1] == "www.signed.org.      A (answer) is secure"


def test_a_trace_is_colored_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "--lab", "--color", "always", "www.signed.org"]) == 0
    out = capsys.readouterr().out
    assert "\033[32m;; NOERROR, secure, " in out
    assert "\033[2m;; CHAIN OF TRUST\033[0m\n" in out
    assert "\033[" not in out.partition("\n\n")[0]


def test_a_check_says_what_a_daemon_would_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_limit, "available_octets", lambda: 512 << 20)
    path = tmp_path / "resolver.toml"
    path.write_text("server.listen = ['127.0.0.1:5300']\n")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == (
        "  listens on   127.0.0.1:5300 (UDP and TCP)\n"
        "  answers      127.0.0.0/8, ::1\n"
        "  asks over    IPv4 and IPv6\n"
        "  sends away   nothing: resolves from the root\n"
        "  policy       access list, query rules, class CHAOS, "
        "designated resolver, local zones | root key sentinel\n"
        "  validates    yes\n"
        "  memory       128 MiB for one process; records 27 MiB of each\n"
        f"{path}: ok\n"
    )


def test_a_check_says_what_is_spoken_where_that_is_not_the_usual(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("server.listen = ['udp://127.0.0.1', '[::1]:54']\n")
    assert main(["check", str(path)]) == 0
    assert "  listens on   udp://127.0.0.1:53, udp+tcp://[::1]:54\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "on UDP, 127.0.0.1:443\n"),
        ("https.http3 = false", "without: see https.http3"),
    ],
)
def test_check_says_where_http3_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str
) -> None:
    config = tmp_path / "resolver.toml"
    config.write_text(f"server = {{listen = ['https://127.0.0.1'], user = ''}}\n{more}\n")
    assert main(["check", str(config)]) == 0
    assert f"  HTTP/3       {said}" in capsys.readouterr().out


def test_a_check_says_all_that_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("server.listen = ['x']\nserver.allow_from = ['10.0.0.1/8']\n")
    assert main(["check", str(path)]) == 2
    address = 'an address such as "192.0.2.1", "192.0.2.1:53" or "[2001:db8::1]:53"'
    assert capsys.readouterr().err == (
        f"{path} line 1: server.listen: 'x' is not allowed; expected {address}\n"
        f"{path} line 2: server.allow_from: '10.0.0.1/8' is not allowed; expected the network's "
        'first address: "10.0.0.0/8"\n'
        f"{path}: 2 problems\n"
    )
