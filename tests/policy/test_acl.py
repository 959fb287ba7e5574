"""Who may ask: closed by default, decided on address octets."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import ACL_MEMORY
from resolver.model import DROPPED, Query, Source
from resolver.policy.acl import Acl, Refusal, Silence
from resolver.protocol.codes import Rcode
from resolver.protocol.message import Message
from tests.making import question

ANY_NETWORK = st.one_of(
    st.builds(
        lambda address, bits: ipaddress.ip_network((address, bits), strict=False),
        st.ip_addresses(v=4),
        st.integers(0, 32),
    ),
    st.builds(
        lambda address, bits: ipaddress.ip_network((address, bits), strict=False),
        st.ip_addresses(v=6),
        st.integers(0, 128),
    ),
)


@pytest.mark.rfc("RFC 5358 §4")
def test_what_no_network_covers_is_refused() -> None:
    acl = Acl(["127.0.0.0/8", "::1"])
    assert acl.allows("127.255.0.1")
    assert acl.allows("::1")
    assert not acl.allows("128.0.0.1")
    assert not acl.allows("::2")
    assert not Acl([]).allows("127.0.0.1")


def test_ipv4_in_ipv6_clothes_is_ipv4() -> None:
    """A dual-stack socket names an IPv4 client ::ffff:a.b.c.d (RFC 4291 §2.5.5.2)."""
    acl = Acl(["192.0.2.0/24"])
    assert acl.allows("::ffff:192.0.2.7")
    assert not acl.allows("::ffff:192.0.3.7")


def test_a_network_in_ipv6_clothes_is_ipv4_too() -> None:
    """Whoever writes it means those clients, and no others."""
    acl = Acl(["::ffff:192.0.2.0/120"])
    assert acl.allows("192.0.2.7")
    assert acl.allows("::ffff:192.0.2.7")
    assert not acl.allows("192.0.3.7")
    assert not acl.allows("::c000:207")
    assert Acl(["::ffff:0:0/96"]).allows("198.51.100.1")
    assert not Acl(["::/0"]).allows("::ffff:192.0.2.7")


def test_a_scope_is_ignored() -> None:
    assert Acl(["fe80::/10"]).allows("fe80::1%eth0")


def test_one_family_never_stands_for_the_other() -> None:
    assert not Acl(["0.0.0.0/0"]).allows("2001:db8::1")
    assert not Acl(["::/0"]).allows("192.0.2.1")


@given(st.lists(ANY_NETWORK, max_size=5), st.ip_addresses())
def test_the_verdict_is_that_of_the_standard_library(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    acl = Acl([str(network) for network in networks])
    mapped = getattr(address, "ipv4_mapped", None)
    asked = mapped or address
    meant = [
        ipaddress.IPv4Network((net.network_address.ipv4_mapped, net.prefixlen - 96))
        if net.version == 6 and net.network_address.ipv4_mapped and net.prefixlen >= 96
        else net
        for net in networks
    ]
    covered = any(net.version == asked.version and asked in net for net in meant)
    assert acl.allows(str(address)) is covered
    assert acl.allows(str(address)) is covered  # once more, from memory


@pytest.mark.reaches("ACL_MEMORY")
def test_spoofed_clients_do_not_fill_memory() -> None:
    acl = Acl(["10.0.0.0/8"])
    for number in range(ACL_MEMORY):
        acl.admits(number.to_bytes(4, "big"))
    assert len(acl._lately) == ACL_MEMORY
    acl.admits(ACL_MEMORY.to_bytes(4, "big"))
    assert len(acl._lately) == 1


def test_a_view_that_is_not_served_keeps_clients_out_and_nobody_else() -> None:
    """A question of our own has no client to refuse."""
    asked = Message.asking(question("www.example. A"), 0)
    theirs, ours = Query(asked, source=b"\x7f\0\0\1"), Query(asked)
    refused = Refusal().before(theirs)
    assert refused is not None
    assert (refused.rcode, refused.source) == (Rcode.REFUSED, Source.REFUSED)
    assert Silence().before(theirs) is DROPPED
    for step in (Refusal(), Silence()):
        assert step.before(ours) is None
        assert step.admits(b"")
        assert not step.admits(theirs.source)
