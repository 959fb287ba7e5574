"""What the network does to DNS: each judgement with evidence for it, and with evidence against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver.cli.doctor import judge, judge_network
from resolver.cli.doctor.evidence import (
    ANSWERED,
    NO_ROUTE,
    TIMEOUT,
    Evidence,
    Forward,
    Host,
    Internet,
    Kind,
    Plan,
    Portal,
    Probe,
    Window,
)
from resolver.cli.doctor.finding import Finding, Level
from resolver.model import Server

NOW = 1_796_000_000.0
SOON = (Window(NOW - 86_400, NOW + 86_400),)
V4 = [Server(f"198.51.100.{number}") for number in range(1, 4)]
V6 = [Server(f"2001:db8:1::{number}") for number in range(1, 4)]


def probe(server: Server, kind: Kind = Kind.SOA, outcome: str = ANSWERED, **more: object) -> Probe:
    found = Probe(f"{server.host[-1]}.root.", server, kind, outcome)
    if outcome == ANSWERED and kind is Kind.SOA:
        found = replace(found, is_authoritative=True, is_signed=True, windows=SOON, elapsed_s=0.02)
    return replace(found, **more)  # type: ignore[arg-type]


def healthy() -> list[Probe]:
    kinds = (Kind.SOA, Kind.TCP, Kind.KEYS)
    found = [probe(server, kind) for server in (*V4, *V6) for kind in kinds]
    found += [probe(server, Kind.LARGE, size_octets=3000) for server in (*V4, *V6)]
    found += [probe(server, Kind.LARGE_TCP, size_octets=3000) for server in (*V4, *V6)]
    return [*found, probe(Server("192.0.2.53"), Kind.NOBODY, TIMEOUT)]


def evidence(
    *instead: Probe,
    forwards: tuple[Forward, ...] = (),
    plan: Plan | None = None,
    portal: Portal | None = None,
    wall: float = NOW,
) -> Evidence:
    """A healthy network, but for what *instead* says of the same server and kind."""
    changed = {(one.server, one.kind): one for one in instead}
    probes = [changed.pop((one.server, one.kind), one) for one in healthy()]
    internet = Internet(
        (*probes, *changed.values()), forwards, portal, ipv6=("::1", "2001:db8:9::1")
    )
    return Evidence(Host(wall=wall, floor=NOW - 9e6), internet, plan or Plan())


def about(word: str, e: Evidence) -> Finding:
    return next(each for each in judge.findings(e) if each.about == word)


def level(word: str, e: Evidence) -> Level:
    return about(word, e).level


NETWORK = ("link", "ipv4", "ipv6", "interception", "dnssec", "tcp", "size", "clock")


@pytest.mark.parametrize("word", NETWORK)
def test_a_healthy_network_is_fine(word: str) -> None:
    assert about(word, evidence()).level is Level.FINE


def test_a_port_that_is_redirected_is_found_by_what_answers() -> None:
    """No AA, but RA: whoever answers is no server of the root (RFC 1035 §4.1.1)."""
    taken = [probe(one, is_authoritative=False, is_recursive=True) for one in (*V4, *V6)]
    found = about("interception", evidence(*taken))
    assert found.level is Level.TROUBLE
    assert "1.root. (198.51.100.1) answers as a resolver does" in found.seen[0]


def test_an_answer_from_where_nobody_is_is_proof() -> None:
    found = about("interception", evidence(probe(Server("192.0.2.53"), Kind.NOBODY)))
    assert found.level is Level.TROUBLE
    assert found.seen == ("192.0.2.53, where no server is, answers",)


def test_one_identity_behind_two_servers_is_found() -> None:
    same = [probe(one, identities=frozenset({"box"})) for one in V4[:2]]
    found = about("interception", evidence(*same))
    assert found.seen == ("1.root., 2.root. have one identity: box",)


def test_who_asks_encrypted_is_not_troubled_by_it() -> None:
    taken = [probe(one, is_authoritative=False, is_recursive=True) for one in (*V4, *V6)]
    plan = Plan(forwards_all=True, forwards_all_encrypted=True)
    assert level("interception", evidence(*taken, plan=plan)) is Level.NOTE


def test_tcp_that_is_stopped_is_found() -> None:
    stopped = [probe(one, Kind.TCP, "connection refused") for one in (*V4, *V6)]
    found = about("tcp", evidence(*stopped))
    assert found.level is Level.TROUBLE
    assert "3 connection refused" in found.seen[0]


def test_one_server_without_tcp_is_its_own_matter() -> None:
    assert level("tcp", evidence(probe(V4[0], Kind.TCP, TIMEOUT))) is Level.FINE


def test_ipv6_that_leads_nowhere_is_found() -> None:
    lost = [probe(one, outcome=TIMEOUT) for one in V6]
    found = about("ipv6", evidence(*lost))
    assert found.level is Level.TROUBLE
    assert "this machine has the address 2001:db8:9::1" in found.seen


def test_no_ipv6_at_all_is_no_trouble() -> None:
    none = [probe(one, outcome=NO_ROUTE) for one in V6]
    assert level("ipv6", evidence(*none)) is Level.UNKNOWN


def test_ipv6_that_is_switched_off_is_not_judged() -> None:
    lost = [probe(one, outcome=TIMEOUT) for one in V6]
    assert level("ipv6", evidence(*lost, plan=Plan(uses_ipv6=False))) is Level.UNKNOWN


def test_a_link_that_is_down_is_said_once() -> None:
    """Nothing else can be told then, and is not accused."""
    down = [probe(one, outcome=NO_ROUTE) for one in (*V4, *V6)]
    e = evidence(*down)
    assert "no way out" in about("link", e).title
    troubles = [each.about for each in judge.findings(e) if each.level is Level.TROUBLE]
    assert [one for one in troubles if one in NETWORK] == ["link"]


def test_a_network_that_lets_only_its_own_resolvers_ask() -> None:
    silent = [probe(one, outcome=TIMEOUT) for one in (*V4, *V6)]
    router = Forward("corp.", "192.168.1.1", is_encrypted=False, outcome=ANSWERED, is_signed=True)
    found = about("link", evidence(*silent, forwards=(router,)))
    assert "no server of the Internet answers on port 53" in found.title
    everything = replace(router, zone=".")
    plan = Plan(forwards_all=True)
    assert level("link", evidence(*silent, forwards=(everything,), plan=plan)) is Level.FINE


def test_answers_without_signatures_are_found() -> None:
    bare = [probe(one, is_signed=False, windows=()) for one in (*V4, *V6)]
    found = about("dnssec", evidence(*bare))
    assert found.level is Level.TROUBLE
    assert level("dnssec", evidence(*bare, plan=Plan(validates=False))) is Level.NOTE
    assert level("dnssec", evidence(bare[0])) is Level.FINE  # one server's own matter


def test_a_forwarder_that_strips_signatures_is_named() -> None:
    bad = Forward(".", "192.168.1.1:53", is_encrypted=False, outcome=ANSWERED)
    assert "192.168.1.1:53, for ." in about("dnssec", evidence(forwards=(bad,))).seen[0]
    good = replace(bad, is_signed=True)
    assert level("dnssec", evidence(forwards=(good,))) is Level.FINE


def test_fragments_that_are_lost_matter_only_to_who_asks_for_them() -> None:
    """1232 octets are never cut (RFC 9715)."""
    lost = [probe(one, Kind.LARGE, TIMEOUT) for one in (*V4, *V6)]
    assert level("size", evidence(*lost)) is Level.NOTE
    found = about("size", evidence(*lost, plan=Plan(payload=4096)))
    assert found.level is Level.TROUBLE
    assert found.advice == ("outgoing.udp_payload_size = 1232 (RFC 9715)",)


def test_packets_that_are_too_large_for_the_path_are_found() -> None:
    lost = [probe(one, Kind.KEYS, TIMEOUT) for one in (*V4, *V6)]
    found = about("size", evidence(*lost))
    assert found.level is Level.TROUBLE
    assert "one large packet" in found.title


def test_servers_with_nothing_large_prove_nothing() -> None:
    small = [probe(one, Kind.LARGE_TCP, size_octets=900) for one in (*V4, *V6)]
    lost = [probe(one, Kind.LARGE, TIMEOUT) for one in (*V4, *V6)]
    assert level("size", evidence(*small, *lost)) is Level.FINE


@pytest.mark.parametrize(("wall", "side"), [(NOW + 9e6, "ahead"), (NOW - 8e6, "behind")])
def test_a_clock_outside_of_all_signatures_is_wrong(wall: float, side: str) -> None:
    found = about("clock", evidence(wall=wall))
    assert found.level is Level.TROUBLE
    assert found.title.endswith(side)


def test_a_clock_before_what_is_certainly_past_is_wrong_without_a_network() -> None:
    e = Evidence(Host(wall=86_400.0, floor=NOW), Internet(), Plan())
    assert "1970-01-02" in about("clock", e).seen[0]


def test_forwarders_that_are_lost_are_named() -> None:
    lost = Forward("corp.", "tls://192.0.2.9:853#a.b", is_encrypted=True, outcome=TIMEOUT)
    found = about("forwarders", evidence(forwards=(lost,)))
    assert found.level is Level.TROUBLE
    assert found.seen == ("tls://192.0.2.9:853#a.b, for corp.: no reply",)
    other = replace(lost, name="192.0.2.8:53", outcome=ANSWERED)
    assert level("forwarders", evidence(forwards=(lost, other))) is Level.NOTE
    assert level("forwarders", evidence(forwards=(other,))) is Level.FINE


def test_a_forwarder_that_is_somebody_else_is_told_apart() -> None:
    said = "certificate verify failed: self-signed certificate"
    wrong = Forward(".", "tls://192.0.2.9", is_encrypted=True, outcome=said)
    assert (
        "not who was meant: certificate" in about("forwarders", evidence(forwards=(wrong,))).seen[0]
    )


def test_a_portal_is_found_by_its_page() -> None:
    page = Portal("http://x.example/", 302, "http://login.example/")
    found = about("portal", evidence(portal=page))
    assert found.level is Level.TROUBLE
    assert "status 302, to http://login.example/" in found.seen[0]
    assert level("portal", evidence(portal=page._replace(is_as_expected=True))) is Level.FINE
    assert level("portal", evidence(portal=page._replace(trouble="no reply"))) is Level.UNKNOWN
    assert level("portal", evidence()) is Level.UNKNOWN


def test_a_portal_is_looked_for_only_where_there_may_be_one() -> None:
    """Nobody needs to know that we are online."""
    assert not judge.looks_like_a_portal(evidence().internet)
    assert judge.looks_like_a_portal(Internet())
    hijacked = evidence(probe(Server("192.0.2.53"), Kind.NOBODY)).internet
    assert judge.looks_like_a_portal(hijacked)


def test_every_family_has_its_own_name() -> None:
    assert judge_network.family(evidence(), is_ipv6=True).about == "ipv6"
