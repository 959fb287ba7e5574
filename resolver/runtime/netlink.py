"""Changes of links, addresses, routes and rules, as the Linux kernel tells them: rtnetlink(7).

Beside the path: what is heard hastens a look, no more. `upstream.link_watch`, which listens during
an outage, wants only that by which a way may have opened: a link with a carrier, an address that is
ready, a route or a rule that came or went. Who goes by what a link brings wants to hear of its end,
too. No privilege is needed. Elsewhere, and where AF_NETLINK is forbidden, there is nothing to hear.
"""

from __future__ import annotations

import enum
import errno
import socket
import struct
from typing import TYPE_CHECKING, Final

import trio

from resolver.errors import WireError
from resolver.limits import LINK_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family … table, protocol, scope, type, flags
_ALIGNMENT = 4
_NEW_LINK, _OLD_LINK, _NEW_ADDRESS, _OLD_ADDRESS = 16, 17, 20, 21
_NEW_ROUTE, _OLD_ROUTE, _NEW_RULE, _OLD_RULE = 24, 25, 32, 33
_HAS_CARRIER: Final = 0x1 | 0x10000  # IFF_UP, IFF_LOWER_UP
_IS_LOOPBACK: Final = 0x8
_IS_UNUSABLE: Final = 0x40 | 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED
_LOCAL_TABLE: Final = 255
_IS_CACHED: Final = 0x200  # RTM_F_CLONED
# RTNLGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE
_GROUPS = sum(1 << (group - 1) for group in (1, 5, 7, 8, 9, 11, 19))
_OCTETS = 65_536


class Change(enum.Enum):
    """What has changed, so that a way may have opened; LOSS: closed."""

    LINK = "a link has a carrier"
    ADDRESS = "an address is ready"
    ROUTE = "a route came or went"
    RULE = "a rule of routing came or went"
    LOSS = "a link or an address is gone"

    __hash__ = object.__hash__


def changes_untrusted(data: bytes) -> list[Change]:
    """The changes in one datagram of the kernel, in its order; others are left out.

    Raises WireError: not rtnetlink's form.
    """
    return [
        change
        for change in (_change(*one) for one in messages_untrusted(data))
        if change is not None
    ]


def messages_untrusted(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each message. Raises WireError, when it comes to what is none."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise WireError("netlink: a header is cut short")
        length, kind = _HEADER.unpack_from(data, at)[:2]
        if not _HEADER.size <= length <= len(data) - at:
            raise WireError("netlink: a message is longer than its datagram, or has no room")
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _change(kind: int, payload: bytes) -> Change | None:
    try:
        if kind == _NEW_LINK:
            flags = _LINK.unpack_from(payload)[3]
            if flags & _IS_LOOPBACK:
                return None
            return Change.LINK if flags & _HAS_CARRIER == _HAS_CARRIER else Change.LOSS
        if kind == _NEW_ADDRESS:
            return None if _ADDRESS.unpack_from(payload)[2] & _IS_UNUSABLE else Change.ADDRESS
        if kind in (_NEW_ROUTE, _OLD_ROUTE):
            table, flags = (fields := _ROUTE.unpack_from(payload))[4], fields[8]
            return None if table == _LOCAL_TABLE or flags & _IS_CACHED else Change.ROUTE
    except struct.error:
        raise WireError("netlink: a message is cut short") from None
    if kind in (_OLD_LINK, _OLD_ADDRESS):
        return Change.LOSS
    return Change.RULE if kind in (_NEW_RULE, _OLD_RULE) else None


class LinkSocket:
    """What the kernel tells from now on. Raises OSError where it tells nothing.

    *losses*: of links and addresses that go, too.
    """

    def __init__(self, *, losses: bool = False) -> None:
        self._unwanted = frozenset() if losses else frozenset({Change.LOSS})
        family = getattr(socket, "AF_NETLINK", None)
        if family is None:
            raise OSError(errno.EAFNOSUPPORT, "no rtnetlink on this system")
        self._socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((0, _GROUPS))
        except BaseException:
            self._socket.close()
            raise

    def __repr__(self) -> str:
        return f"<LinkSocket fd={self._socket.fileno()}>"

    async def changed(self) -> None:
        """Until something has changed. Messages that were lost or cannot be read may be of it."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            if self._take():
                return

    def _take(self) -> bool:
        """Is a change among what has come? All of that is taken, LINK_MESSAGES at most."""
        is_any = False
        for _ in range(LINK_MESSAGES):
            try:
                data, (sender, _) = self._socket.recvfrom(_OCTETS)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more came than there was room for
                    raise
                is_any = True
                continue
            if sender == 0:  # the kernel, and no other process
                try:
                    is_any |= not self._unwanted.issuperset(changes_untrusted(data))
                except WireError:
                    is_any = True
        return is_any

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()
