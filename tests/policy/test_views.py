"""Each client has one view: by its most specific network, then by where it asks, then by how."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import limits
from resolver.policy import views
from resolver.policy.acl import Acl
from resolver.policy.networks import Networks
from resolver.policy.path import Step
from resolver.policy.views import Clients, Views
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport

ALL, GUESTS, BOX = Step(), Step(), Step()
UDP, TCP, TLS = Transport.UDP, Transport.TCP, Transport.TLS
UPSTAIRS, CLIENT = "10.0.0.1:53", address_octets("203.0.113.1")


def house(*, everybody: Step = ALL) -> Views:
    return Views(
        (everybody,),
        [
            Clients("guests", (GUESTS,), networks=("192.0.2.0/24", "2001:db8::/32")),
            Clients("box", (BOX,), networks=("192.0.2.7", "::ffff:198.51.100.0/120")),
            Clients("upstairs", (GUESTS,), places=frozenset({(UPSTAIRS, UDP), (UPSTAIRS, TLS)})),
            Clients("private", (BOX,), transports=frozenset({TLS})),
        ],
    )


@pytest.mark.parametrize(
    ("client", "listener", "view"),
    [
        ("192.0.2.1", "127.0.0.1", "guests"),
        ("192.0.2.7", "127.0.0.1", "box"),
        ("192.0.2.7", UPSTAIRS, "box"),
        ("::ffff:192.0.2.7", "::", "box"),
        ("198.51.100.9", "127.0.0.1", "box"),
        ("2001:db8::1", "::1", "guests"),
        ("203.0.113.1", UPSTAIRS, "upstairs"),
        ("203.0.113.1", "10.0.0.1:5353", "default"),
        ("203.0.113.1", "127.0.0.1", "default"),
    ],
)
def test_the_most_specific_network_decides_then_the_listener(
    client: str, listener: str, view: str
) -> None:
    found = house()
    for _ in range(2):  # found, and remembered
        assert found.of(address_octets(client), listener).view.name == view


def test_the_transport_decides_last() -> None:
    found = house()
    assert found.of(CLIENT, "127.0.0.1:853", TLS).view.name == "private"
    assert found.of(CLIENT, "127.0.0.1:53", TCP).view.name == "default"
    assert found.of(CLIENT, UPSTAIRS, TLS).view.name == "upstairs"
    assert found.of(CLIENT, UPSTAIRS, TCP).view.name == "default"
    assert found.of(address_octets("192.0.2.7"), "127.0.0.1:853", TLS).view.name == "box"


def test_within_one_network_who_asks_for_more_comes_first() -> None:
    """A network whose view does not fit leaves the client to a wider one."""
    wide, narrow = "192.0.2.0/24", "192.0.2.0/28"
    places, transports = frozenset({(UPSTAIRS, TLS)}), frozenset({TLS})
    found = Views(
        (),
        [
            Clients("wide", (), (wide,)),
            Clients("over tls", (), (wide,), transports=transports),
            Clients("upstairs", (), (wide,), places=places),
            Clients("narrow", (), (narrow,), places=places),
        ],
    )
    near, far = address_octets("192.0.2.1"), address_octets("192.0.2.77")
    assert found.of(near, UPSTAIRS, TLS).view.name == "narrow"
    assert found.of(far, UPSTAIRS, TLS).view.name == "upstairs"
    assert found.of(near, "10.0.0.1:853", TLS).view.name == "over tls"
    assert found.of(near, UPSTAIRS, UDP).view.name == "wide"


def test_views_are_found_by_name() -> None:
    found = house()
    assert found.named("box") in found.paths
    assert found.named("default") is found.default
    assert found.named("attic") is None


def test_equal_steps_have_equal_tags_and_no_others() -> None:
    tags = {path.view.name: path.view.tag for path in house().paths}
    assert tags["guests"] == tags["upstairs"]
    assert len({tags["default"], tags["guests"], tags["box"]}) == 3
    assert tags["default"] == 0


def test_who_is_not_on_the_list_has_no_tag() -> None:
    found = house(everybody=Acl(["203.0.113.0/24"]))
    assert found.tag(address_octets("203.0.113.1"), "") == 0
    assert found.tag(address_octets("10.9.9.9"), "") is None


@pytest.mark.reaches("ACL_MEMORY")
def test_spoofed_clients_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ACL_MEMORY", 10)
    found = house()
    for last in range(35):
        found.of(bytes([192, 0, 2, last]), "")
    assert 0 < len(found.lately) <= 10
    assert limits.ACL_MEMORY > 10


def test_networks_are_counted_and_what_is_none_is_refused() -> None:
    networks: Networks[int] = Networks()
    networks.put("0.0.0.0/0", 1)
    networks.put("10.0.0.0/8", 2)
    assert networks.setdefault("10.0.0.0/8", 7) == 2
    assert list(networks.around(bytes([10, 1, 1, 1]))) == [2, 1]
    assert len(networks) == 2
    assert networks.closest(bytes([10, 1, 1, 1])) == 2
    assert networks.closest(bytes(16)) is None
    with pytest.raises(ValueError, match="does not appear"):
        networks.put("10.0.0.999", 3)


# --- any views, held against the rule as it is written ------------------------------------------

NETWORKS = [f"192.0.2.0/{bits}" for bits in (24, 26, 28, 32)] + ["2001:db8::/32", "2001:db8::/64"]
LISTENERS, TRANSPORTS = ("10.0.0.1:53", "10.0.0.2:53"), (UDP, TCP, TLS)
PLACES = [(listener, transport) for listener in LISTENERS for transport in TRANSPORTS]
ADDRESSES = ["192.0.2.0", "192.0.2.9", "192.0.2.33", "192.0.2.99", "203.0.113.1", "2001:db8::7"]
GROUPS = st.builds(
    Clients,
    st.uuids().map(str),
    st.just(()),
    st.lists(st.sampled_from(NETWORKS), max_size=2).map(tuple),
    st.frozensets(st.sampled_from(PLACES), max_size=2),
    st.frozensets(st.sampled_from(TRANSPORTS), max_size=2),
)


def rightful(groups: list[Clients], client: str, place: tuple[str, Transport]) -> set[str]:
    """The names of those that the rule puts first; several where two have equal right."""
    address = ipaddress.ip_address(client)
    ranked: list[tuple[tuple[int, bool, bool], str]] = []
    for group in groups:
        held = [ipaddress.ip_network(text) for text in group.networks]
        lengths = [one.prefixlen for one in held if address in one] if held else [-1]
        fits = not group.places or place in group.places
        fits = fits and (not group.transports or place[1] in group.transports)
        if lengths and fits:
            ranked.append(((max(lengths), bool(group.places), bool(group.transports)), group.name))
    best = max((rank for rank, _ in ranked), default=None)
    return {name for rank, name in ranked if rank == best} or {"default"}


@given(st.lists(GROUPS, max_size=6), st.sampled_from(ADDRESSES), st.sampled_from(PLACES))
def test_the_rule_is_kept_whatever_views_there_are(
    groups: list[Clients], client: str, place: tuple[str, Transport]
) -> None:
    found = Views((), groups)
    for _ in range(2):
        name = found.of(address_octets(client), *place).view.name
        assert name in rightful(groups, client, place)
