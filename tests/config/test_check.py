"""Values that contradict each other stop a start; unwise ones are told."""

from __future__ import annotations

import errno
import tomllib
from pathlib import Path

import pytest

from resolver.config import check, load
from resolver.config.check_server import is_own as answers_at
from resolver.config.endpoints import endpoint
from resolver.config.schema import Config, Server
from resolver.policy.acl import Acl


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
        ("[resolution]\nrebinding_allow = ['a..b']", "rebinding_allow: 'a..b' is not allowed"),
        ("[resolution]\nrebinding_allow = ['.']", "names below the root"),
        ("[dns64]\nprefix = '64:ff9b::/95'", 'such as "64:ff9b::/96", or "auto"'),
        ("[dns64]\nprefix = '192.0.2.0/24'", "a prefix of 32, 40, 48, 56, 64 or 96 bits"),
        ("[dns64]\nprefix = '2001:db8:0:0:100::/96'", "whose bits 64 to 71 are zero"),
        ("[outgoing]\nnat64 = 'yes'", 'such as "64:ff9b::/96", or "auto"'),
        ("[outgoing]\nnat64 = 'auto'\nipv6 = false", "a translator has an IPv6 address"),
        ("[cache]\nmin_ttl = 500\nmax_ttl = 300", "at most cache.max_ttl (300)"),
        ("working_directory = '/no/where'", "a directory that exists"),
        ("[root]\nhints_file = '/no/where'", "the path of a file that exists"),
        ("[dnssec]\nnegative_trust_anchors = ['a..b']", "a domain name"),
        ("[[warm]]\nname = 'a..b'", 'a domain name such as "www.example.com"'),
        ("[[warm]]\nname = 'a.b'\ntypes = []", "at least one type"),
        ("[[warm]]\nname = 'a.b'\ntypes = ['AAAAA']", 'a record type such as "A", "MX"'),
        ("[tls]\nkey = ['/etc/passwd']", "tls.key: ['/etc/passwd'] is not allowed"),
        ("[[warm]]\nname = 'a.b'\ntypes = ['ANY']", 'a record type such as "A", "MX"'),
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


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("listen = ['127.0.0.1', '127.0.0.1:53']", "server.listen"),
        ("listen = ['::1', '[0:0:0:0:0:0:0:1]:53']", "server.listen"),
        ("listen = ['0.0.0.0:53', '127.0.0.1:53']", "server.listen"),
        ("listen = ['[::1]:53', '[::]:53']", "server.listen"),
        ("listen = ['127.0.0.1']\n[metrics]\nlisten = '0.0.0.0:53'", "metrics.listen"),
    ],
)
def test_a_listening_address_stands_once_however_it_is_spelled(text: str, key: str) -> None:
    """The second could never be bound."""
    said = _faults(f"[server]\n{text}")
    assert len(said) == 1
    assert said[0].startswith(f"x.toml: {key}: ")
    assert "each address once; server.listen has " in said[0]


def test_equal_ports_of_different_addresses_do_not_overlap() -> None:
    assert not _faults("[server]\nlisten = ['0.0.0.0:53', '[::]:53', '127.0.0.1:54']")


@pytest.mark.parametrize(
    ("listen", "asked", "is_own"),
    [
        ("127.0.0.1:53", "127.0.0.1:53", True),
        ("127.0.0.1:53", "127.0.0.1:54", False),
        ("127.0.0.1:53", "127.0.0.2:53", False),
        ("0.0.0.0:53", "192.0.2.1:53", True),
        ("0.0.0.0:53", "192.0.2.2:53", False),
        ("[::]:53", "192.0.2.1:53", False),
        ("[::]:53", "[::1]:53", True),
    ],
)
def test_a_server_that_is_ourselves_is_known(listen: str, asked: str, is_own: int) -> None:
    here = {"192.0.2.1", "::1", "127.0.0.1", "127.0.0.2"}
    config = Config(server=Server(listen=(listen,)))
    assert answers_at(config, endpoint(asked), is_here=here.__contains__) == is_own


def test_a_file_that_we_may_not_even_look_at_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert (
        "'/x/my.hints' is not permitted; expected"
        in _faults("[root]\nhints_file = '/x/my.hints'")[0]
    )


def test_the_defaults_need_no_advice() -> None:
    assert list(check.advice(Config())) == []


def test_metrics_of_several_workers_need_no_advice() -> None:
    """One page shows all of them: it was said that it shows one, whichever is asked."""
    text = "server.workers = 4\nmetrics.listen = '127.0.0.1:9153'"
    assert list(check.advice(load.loads(text))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nallow_from = ['0.0.0.0/0']", "an open resolver"),
        ("[server]\nlisten = ['0.0.0.0:53']", "lets only this machine ask"),
        ("[dnssec]\nvalidate = false", "forged answers are not noticed"),
        ("[cache]\nclock = 'realtime'", "is for tests"),
        ("warm=[{name='a.b'}]\noutgoing.metered=true", "[[warm]] names are not kept warm"),
        ("warm=[{name='a.b'}]\nresolution.prefetch=false", "[[warm]] names are not kept warm"),
    ],
)
def test_what_is_unwise_is_said(text: str, said: str) -> None:
    assert said in "\n".join(check.advice(load.loads(text)))


@pytest.mark.rfc("RFC 5358 §4", "4892")
def test_by_default_only_this_machine_may_ask_and_nothing_of_us_is_told() -> None:
    server = Config().server
    acl = Acl(server.allow_from)
    assert acl.allows("127.0.0.1")
    assert acl.allows("::1")
    for stranger in ("192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1", "fe80::1"):
        assert not acl.allows(stranger)
    assert (server.identity, server.nsid, server.version) == ("", "", "")
