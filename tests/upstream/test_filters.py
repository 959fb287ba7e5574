"""Which addresses may be asked: the operator's word counts, the network's does not."""

from __future__ import annotations

import pytest

from resolver.limits import FILTERED_ADDRESSES
from resolver.model import Delegation, Server
from resolver.protocol.names import ROOT, from_text
from resolver.upstream import filters
from resolver.upstream.filters import AddressFilter
from resolver.upstream.settings import Outgoing

CORP, BELOW, OTHER = from_text("corp."), from_text("a.corp."), from_text("example.")
NS = from_text("configured.corp.")


def named(zone: bytes, host: str, port: int = 53) -> Delegation:
    return Delegation(zone, (NS,), {NS: (Server(host, port, NS),)})


@pytest.mark.parametrize("host", ["127.0.0.77", "::1", "10.1.1.1", "fd00::1", "fe80::1%eth0"])
def test_what_the_operator_named_is_asked_for_that_zone_and_below(host: str) -> None:
    """A stub's server may serve its children too; nobody else may send us there."""
    settings = Outgoing(deny_private_addresses=True)
    allows = AddressFilter(settings, [named(CORP, host)]).allows
    assert allows(Server(host), CORP, is_forward=False)
    assert allows(Server(host), BELOW, is_forward=False)
    assert not allows(Server(host), OTHER, is_forward=False)
    assert not allows(Server(host), ROOT, is_forward=False)
    assert not AddressFilter(settings).allows(Server(host), CORP, is_forward=False)


def test_another_port_of_the_same_host_was_not_named() -> None:
    allows = AddressFilter(Outgoing(), [named(CORP, "127.0.0.1", 5353)]).allows
    assert allows(Server("127.0.0.1", 5353), CORP, is_forward=False)
    assert not allows(Server("127.0.0.1", 53), CORP, is_forward=False)


def test_a_root_hint_on_the_loopback_is_asked_for_all_that_it_serves() -> None:
    """RFC 8806: the primed NS set repeats the address, a zone below it may."""
    allows = AddressFilter(Outgoing(), [named(ROOT, "127.12.12.12")]).allows
    assert allows(Server("127.12.12.12"), ROOT, is_forward=False)
    assert allows(Server("127.12.12.12"), OTHER, is_forward=False)
    assert not allows(Server("127.12.12.13"), OTHER, is_forward=False)


@pytest.mark.parametrize("host", ["::ffff:127.0.0.1", "::ffff:192.0.2.1", "224.0.0.1", "0.0.0.0"])  # noqa: S104
def test_what_is_no_server_is_never_asked(host: str) -> None:
    """RFC 4038 §4.2: a referral to IPv4 in disguise would pass all filters."""
    allows = AddressFilter(Outgoing(do_not_query_localhost=False)).allows
    assert not allows(Server(host), ROOT, is_forward=False)
    assert not allows(Server(host), ROOT, is_forward=True)


def test_a_family_that_is_off_is_not_asked_whoever_named_it() -> None:
    allows = AddressFilter(Outgoing(ipv6=False), [named(CORP, "::1")]).allows
    assert not allows(Server("::1"), CORP, is_forward=False)


@pytest.mark.reaches("FILTERED_ADDRESSES")
def test_addresses_that_were_looked_at_do_not_fill_memory() -> None:
    one = AddressFilter(Outgoing())
    for at in range(FILTERED_ADDRESSES + 10):
        one.is_plain(f"2001:db8::{at:x}")
    assert one.is_plain.cache_info().currsize == FILTERED_ADDRESSES
    assert filters._kind.cache_info().currsize == FILTERED_ADDRESSES
