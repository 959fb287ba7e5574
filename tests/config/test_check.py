"""Values that contradict each other stop a start; unwise ones are told."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from resolver.config import check, load
from resolver.config.schema import Config

if TYPE_CHECKING:
    from pathlib import Path


def _faults(text: str) -> list[str]:
    _, problems = load.interpret(tomllib.loads(text), "x.toml")
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nlisten = []", "at least one address"),
        ("[server]\nlisten = ['127.0.0.1:0']", "a port from 1 to 65535"),
        ("[server]\nlisten = ['localhost:53']", "an address such as"),
        ("[server]\nlisten = ['::1', '::1']", "each address once"),
        ("[server]\nallow_from = ['10.0.0.1/8']", 'the network\'s first address: "10.0.0.0/8"'),
        ("[server]\nallow_from = ['ten']", "a network such as"),
        ("[outgoing]\nipv4 = false\nipv6 = false", "nothing can be asked"),
        ("[outgoing]\nsource_addresses = ['x']", "an address such as"),
        ("[[stub]]\nzone = 'a..b'\naddresses = ['::1']", "a domain name"),
        ("[[stub]]\nzone = 'a.b'\naddresses = []", "at least one address"),
        (
            "stub=[{zone='A.b', addresses=['::1']}]\nforward=[{zone='a.b.', addresses=['::1']}]",
            "a zone once only",
        ),
        ("[[stub]]\nzone = 'a.b'\naddresses = ['224.0.0.1']", "the address of one server"),
        ("[[stub]]\nzone = 'a.b'\naddresses = ['0.0.0.0']", "the address of one server"),
        ("[[forward]]\nzone = '.'\naddresses = ['fe80::1']", "the interface of a link-local"),
        ("[outgoing]\nsource_addresses = ['fe80::1']", 'too: "fe80::1%eth0"'),
        (
            "outgoing={ipv6=false}\nstub=[{zone='a.b', addresses=['::1']}]",
            "that [outgoing] has not switched off",
        ),
        ("[cache]\nmin_ttl = 500\nmax_ttl = 300", "at most cache.max_ttl (300)"),
        ("working_directory = '/no/where'", "a directory that exists"),
        ("[root]\nhints_file = '/no/where'", "the path of a file that exists"),
        ("[dnssec]\nnegative_trust_anchors = ['a..b']", "a domain name"),
    ],
)
def test_a_contradiction_is_a_fault(text: str, said: str) -> None:
    faults = _faults(text)
    assert len(faults) == 1, faults
    assert said in faults[0]


def test_a_link_local_server_with_its_interface_is_no_fault() -> None:
    assert not _faults("[[forward]]\nzone = '.'\naddresses = ['fe80::1%eth0', '[fe80::2%2]:5353']")


def test_relative_paths_begin_at_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "my.hints").write_text("")
    assert not _faults(f"working_directory = '{tmp_path}'\n[root]\nhints_file = 'my.hints'")


def test_the_defaults_need_no_advice() -> None:
    assert list(check.advice(Config())) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nallow_from = ['0.0.0.0/0']", "an open resolver"),
        ("[server]\nlisten = ['0.0.0.0:53']", "lets only this machine ask"),
        ("[dnssec]\nvalidate = false", "forged answers are not noticed"),
        ("[dnssec]\nbuiltin_root_anchor = false", "nothing will be validated"),
        ("[cache]\nclock = 'realtime'", "is for tests"),
        ("server.workers = 2\nmetrics.listen = '::1'", "one worker, whichever is asked"),
    ],
)
def test_what_is_unwise_is_said(text: str, said: str) -> None:
    assert said in "\n".join(check.advice(load.loads(text)))
