"""Resolvers compared over TLS, HTTPS and QUIC: the same questions, no handshake in the figures."""

from __future__ import annotations

import argparse
from random import Random
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.cli import bench_names, bench_report, bench_run, votes
from resolver.cli.compare import Asker, Contestant, Sample, one_pass
from resolver.cli.main import main
from resolver.config.providers import PROVIDERS
from resolver.errors import ConfigError
from resolver.lab.faults import Path as LinkFault
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport
from tests.cli.encrypted_servers import over_quic
from tests.support import trio_test
from tests.upstream import https_servers, quic_servers, tls_servers
from tests.upstream.tls_servers import NAME, TlsScript, certificate, server_context
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.upstream.encrypted import Encryption
    from tests.upstream.encrypted_worlds import Listener

WWW = Question(names.from_text("www.example.com."), RRType.A)


def contestant(name: str, server: Server, terms: Encryption) -> Contestant:
    return Contestant(name, server, terms=terms.terms[server.key])


@trio_test
async def test_each_is_asked_over_what_it_was_named_with() -> None:
    """And its first connection is opened before anything is measured."""
    world = World()
    dot = tls_servers.encrypted("192.0.2.1")
    doh, doq = https_servers.over_https("192.0.2.2"), quic_servers.over_quic("192.0.2.3")
    bad = quic_servers.over_quic("192.0.2.3", "other.example")
    asked = [
        contestant("a", dot, tls_servers.strict(dot)),
        contestant("b", doh, https_servers.strict(doh)),
        contestant("c", doq, quic_servers.strict(doq)),
        contestant("d", bad, quic_servers.strict(bad)),
        Contestant("e", Server("192.0.2.4")),
    ]
    leaf = certificate(NAME)
    listening: dict[str, Listener] = {
        "192.0.2.1": TlsScript(server_context(leaf)),
        "192.0.2.2": https_servers.HttpsScript(leaf),
        "192.0.2.3": quic_servers.QuicScript(leaf),
    }
    world.serve("192.0.2.4")
    asker = Asker(world.network, Random(1))
    async with trio.open_nursery() as nursery:
        for host, server in listening.items():
            world.faults.set(host, LinkFault(delay_s=0.1))
            nursery.start_soon(server.listen, world.network, host, nursery)
        nursery.start_soon(asker.run)
        bench_run.encrypt(asker, asked, world.network, nursery)
        for each in asked:
            await bench_run.reach(asker, each)
        for each in asked:
            if each.takes_part:
                await one_pass(asker, each, "cold", [WWW] * 5, rate=50, progress=lambda: None)
        nursery.cancel_scope.cancel()
    assert [each.is_reachable for each in asked] == [True, True, True, False, True]
    assert asked[3].why == f"certificate of 192.0.2.3 is for {NAME}, not for other.example"
    for each in asked[:3]:
        assert [sample.outcome for sample in each.passes["cold"]] == ["NOERROR"] * 5
        times = [sample.elapsed_s for sample in each.passes["cold"] if sample.elapsed_s is not None]
        assert len(times) == 5
        assert max(times) < 0.25
    assert [each.label for each in asked[:3]] == ["a (tls)", "b (https)", "c (quic)"]
    assert f"unreachable from here: {asked[3].why}" in bench_report.table(asked)
    remarks = bench_report.remarks(bench_report.NONE, asked, 0)
    assert any("no handshake counts" in said for said in remarks)
    transports = [one["transport"] for one in _document(asked)]
    assert transports == ["tls", "https", "quic", "quic", "udp"]


def _document(asked: list[Contestant]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = bench_report.document(asked, definition="")["resolvers"]
    return found


def _options(*over: str, **more: object) -> argparse.Namespace:
    given = {
        "no_self": False, "server": [], "no_public": False, "insecure": False, "ca_file": None,
    }  # fmt: skip
    return argparse.Namespace(over=list(over), **(given | more))


PUBLIC = {"Google": "8.8.8.8", "Quad9": "9.9.9.9"}


def test_the_public_ones_are_asked_over_what_they_speak() -> None:
    found = bench_names.listed(_options("udp,tls", "https", "quic"), PUBLIC)
    told = [(each.label, each.server.host, each.server.auth_name) for each in found]
    assert told == [
        ("this resolver", "127.0.0.1", ""),
        ("this resolver (tls)", "127.0.0.1", ""),
        ("this resolver (https)", "127.0.0.1", ""),
        ("this resolver (quic)", "127.0.0.1", ""),
        ("Google", "8.8.8.8", ""),
        ("Google (tls)", "8.8.8.8", "dns.google"),
        ("Google (https)", "8.8.8.8", "dns.google"),
        ("Quad9", "9.9.9.9", ""),
        ("Quad9 (tls)", "9.9.9.9", "dns.quad9.net"),
        ("Quad9 (https)", "9.9.9.9", "dns.quad9.net"),
        ("Quad9 (quic)", "9.9.9.9", "dns.quad9.net"),
    ]
    own = [each.terms for each in found[1:4]]
    assert [terms is not None and terms.is_strict for terms in own] == [False] * 3
    assert all(each.terms.is_strict for each in found[4:] if each.terms is not None)


def test_the_public_ones_of_the_comparison_are_in_the_table_of_providers() -> None:
    from resolver.cli.bench import PUBLIC as ALL  # noqa: PLC0415

    for name, host in ALL.items():
        assert host in PROVIDERS[name.lower()].addresses


@pytest.mark.parametrize(("over", "said"), [("dot", "tls, https or quic"), ("tcp", "udp, tls")])
def test_a_transport_that_there_is_not_is_said(over: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        bench_names.listed(_options(over), PUBLIC)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.config.extras._is_there", lambda _: False)
    with pytest.raises(ConfigError, match=r"resolver\[quic\]"):
        bench_names.listed(_options("quic"), PUBLIC)
    with pytest.raises(ConfigError, match=r"resolver\[https\]"):
        bench_names.listed(_options(server=["https://192.0.2.1/q"]), PUBLIC)


def test_who_is_asked_over_several_transports_has_one_voice() -> None:
    def samples(kind: str) -> dict[str, list[Sample]]:
        return {"cold": [Sample(WWW, "NOERROR", 0.01, is_good=True, kind=kind)]}

    many = [
        Contestant("one", Server("192.0.2.1", transport=transport), passes=samples("no records"))
        for transport in (Transport.UDP, Transport.TLS, Transport.HTTPS)
    ]
    others = [
        Contestant(name, Server(f"192.0.2.{at}"), passes=samples("records"))
        for at, name in enumerate(("two", "three"), 2)
    ]
    assert votes.count([*many, *others]) == 0
    assert [each.passes["cold"][0].is_good for each in [*many, *others]] == [False] * 3 + [True] * 2


def test_a_server_over_quic_is_compared_from_the_command_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with over_quic(tmp_path, "dns.example") as served:
        server = f"q=quic://127.0.0.1:{served.port}"
        words = ["bench", "--no-public", "--no-self", "--count", "3", "--rate", "50"]
        assert main([*words, "--server", server, "--insecure"]) == 0
        out = capsys.readouterr().out
        assert "q (quic) 127.0.0.1" in out
        asked = len(served.queries)
        assert asked >= 8
        assert main([*words, "--server", server]) == 1
        assert "unreachable from here: certificate of 127.0.0.1" in capsys.readouterr().out
        assert len(served.queries) == asked
