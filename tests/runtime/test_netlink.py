"""What the kernel tells of links and routes: read from octets, and from a real kernel."""

from __future__ import annotations

import errno
import socket
import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import LINK_MESSAGES
from resolver.runtime import netlink
from resolver.runtime.netlink import Change, LinkSocket, changes_untrusted
from tests.simulation import netns
from tests.support import examples, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UP, LOWER_UP, LOOPBACK = 0x1, 0x10000, 0x8
LINK, ADDRESS, ROUTE, OLD_ROUTE, RULE = 16, 20, 24, 25, 32


def message(kind: int, payload: bytes, *, length: int | None = None) -> bytes:
    """One message of rtnetlink, padded as the kernel does."""
    whole = 16 + len(payload) if length is None else length
    return struct.pack("=IHHII", whole, kind, 0, 0, 0) + payload + bytes(-len(payload) % 4)


def link(flags: int) -> bytes:
    return message(LINK, struct.pack("=BxHiII", 0, 1, 7, flags, 0))


def address(flags: int) -> bytes:
    return message(ADDRESS, struct.pack("=BBBBI", 10, 64, flags, 0, 7))


def route(*, kind: int = ROUTE, table: int = 254, flags: int = 0) -> bytes:
    return message(kind, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, table, 3, 0, 1, flags))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (link(UP | LOWER_UP), [Change.LINK]),
        (link(UP), [Change.LOSS]),  # no carrier
        (link(LOWER_UP), [Change.LOSS]),
        (link(UP | LOWER_UP | LOOPBACK), []),
        (message(17, bytes(16)), [Change.LOSS]),  # RTM_DELLINK
        (message(21, bytes(8)), [Change.LOSS]),  # RTM_DELADDR
        (address(0x80), [Change.ADDRESS]),
        (address(0x80 | 0x40), []),  # tentative: RFC 4862 §5.4
        (address(0x80 | 0x08), []),  # somebody else has it
        (route(), [Change.ROUTE]),
        (route(kind=OLD_ROUTE), [Change.ROUTE]),  # one that led nowhere may be gone
        (route(table=255), []),  # comes with each address
        (route(flags=0x200), []),
        (message(RULE, b""), [Change.RULE]),
        (route() + message(99, b"abc") + address(0), [Change.ROUTE, Change.ADDRESS]),
        (b"", []),
    ],
)
def test_what_may_have_opened_a_way_is_picked_out(data: bytes, told: list[Change]) -> None:
    assert changes_untrusted(data) == told


@pytest.mark.parametrize(
    "data",
    [
        route()[:15],
        message(ROUTE, bytes(8)),
        message(LINK, bytes(4)),
        message(ADDRESS, b""),
        message(RULE, b"", length=15),
        message(RULE, b"", length=0),  # would be read for ever
        message(RULE, b"", length=17),
    ],
)
def test_what_is_cut_short_is_no_message(data: bytes) -> None:
    with pytest.raises(WireError, match="netlink"):
        changes_untrusted(data)


PIECES = st.builds(
    message,
    st.integers(0, 40) | st.integers(0, 65_535),
    st.binary(max_size=24),
    length=st.none() | st.integers(0, 2**32 - 1),
)


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=5).map(b"".join))
@settings(max_examples=examples(100))
def test_changes_untrusted(data: bytes) -> None:
    """Whatever comes: changes, no more than there is room for, or WireError."""
    try:
        found = changes_untrusted(data)
    except WireError:
        return
    assert len(found) <= len(data) // 16


# --- a socket of the test's own in the kernel's place ------------------------------------------


class Kernel:
    """Says what it is told to; each with the port number of its sender."""

    def __init__(self, *said: tuple[bytes | OSError, int]) -> None:
        self.said = list(said)

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        if not self.said:
            raise BlockingIOError
        data, sender = self.said.pop(0)
        if isinstance(data, OSError):
            raise data
        return data, (sender, 0)


def taken(kernel: Kernel, *, losses: bool = False) -> bool:
    made = LinkSocket(losses=losses)
    made.close()
    made._socket = cast("Any", kernel)
    return made._take()


@pytest.mark.parametrize(
    ("said", "is_change"),
    [
        ((route(), 0), True),
        ((link(UP), 0), False),
        ((route(), 4711), False),  # another process: nobody's word
        ((b"\0" * 7, 0), True),  # not understood: it may have been one
        ((OSError(errno.ENOBUFS, "overflow"), 0), True),
    ],
)
def test_what_is_lost_or_not_understood_may_be_a_change(
    said: tuple[bytes | OSError, int],
    is_change: bool,  # noqa: FBT001
) -> None:
    kernel = Kernel(said)
    assert taken(kernel) is is_change
    assert not kernel.said


@pytest.mark.parametrize(
    ("said", "is_change"), [(link(UP), True), (message(17, bytes(16)), True), (b"", False)]
)
def test_what_goes_is_told_to_who_wants_it(said: bytes, *, is_change: bool) -> None:
    assert taken(Kernel((said, 0)), losses=True) is is_change
    assert not taken(Kernel((said, 0)))


@pytest.mark.reaches("LINK_MESSAGES")
def test_a_table_that_is_loaded_holds_nobody_up() -> None:
    """What is left is taken at the next turn."""
    kernel = Kernel(*[(route(), 0)] * (LINK_MESSAGES + 1))
    assert taken(kernel)
    assert len(kernel.said) == 1


def test_where_there_is_no_rtnetlink_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another system; a filter of address families says the same."""
    monkeypatch.setattr(netlink, "socket", SimpleNamespace())
    with pytest.raises(OSError, match="no rtnetlink"):
        LinkSocket()


# --- a real kernel -------------------------------------------------------------------------------


@pytest.fixture
def place() -> Iterator[netns.Namespace]:
    with netns.namespace("links") as made:
        made.ip("link add one type veth peer name two", "link set two up")
        yield made


def up(place: netns.Namespace) -> None:
    place.ip("link set one up")


def addressed(place: netns.Namespace) -> None:
    up(place)
    place.ip("addr add 192.0.2.1/24 dev one")


def routed(place: netns.Namespace) -> None:
    addressed(place)
    place.ip("route add default via 192.0.2.2")


STEPS: list[tuple[Callable[[netns.Namespace], None], str]] = [
    (lambda _: None, "link set one up"),
    (up, "addr add 192.0.2.1/24 dev one"),
    (addressed, "route add default via 192.0.2.2"),
    (routed, "route del default"),
    (routed, "rule add from 192.0.2.1 table 100"),
]


@pytest.mark.netns
@pytest.mark.parametrize(("before", "step"), STEPS)
@trio_test_real
async def test_the_kernel_tells(
    place: netns.Namespace, before: Callable[[netns.Namespace], None], step: str
) -> None:
    """Whoever listens hears of it, as any user."""
    before(place)
    with place.entered():
        links = LinkSocket()
    try:
        links._take()
        place.ip(step)
        with trio.fail_after(5):
            await links.changed()
    finally:
        links.close()


@pytest.mark.netns
@trio_test_real
async def test_a_link_that_goes_down_is_no_reason_to_look(place: netns.Namespace) -> None:
    """The routes of IPv6 that go with it are told one by one: they may have led nowhere."""
    place.sysctl({"net.ipv6.conf.one.disable_ipv6": "1"})
    up(place)
    with place.entered():
        links = LinkSocket()
    try:
        links._take()
        place.ip("link set one down")
        with trio.move_on_after(0.2) as waited:
            await links.changed()
        assert waited.cancelled_caught
    finally:
        links.close()


@pytest.mark.netns
@pytest.mark.parametrize(
    "step", ["link set one down", "addr del 192.0.2.1/24 dev one", "link del one"]
)
@trio_test_real
async def test_what_goes_is_told_to_who_goes_by_it(place: netns.Namespace, step: str) -> None:
    """IPv4 alone, of which the kernel tells no routes that go with their link."""
    place.sysctl({"net.ipv6.conf.one.disable_ipv6": "1"})
    addressed(place)
    with place.entered():
        links = LinkSocket(losses=True)
    try:
        links._take()
        place.ip(step)
        with trio.fail_after(5):
            await links.changed()
    finally:
        links.close()


def test_closing_twice_is_closing() -> None:
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("needs rtnetlink: Linux")
    links = LinkSocket()
    links.close()
    links.close()
