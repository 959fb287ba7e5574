"""Prefixes of translators in router advertisements (PREF64, RFC 8781), as the Linux kernel hands
them on: RTM_NEWNDUSEROPT of rtnetlink(7).

The kernel takes the advertisements of links whose `accept_ra` is on, and tells whoever listens of
options that are nothing to it; no privilege is needed, and no raw socket. It keeps none: what was
advertised before the socket was there comes again with the next advertisement. Where another
program takes them itself (systemd-networkd, NetworkManager) the kernel tells nothing.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final

import trio

from resolver.errors import WireError
from resolver.limits import LINK_MESSAGES
from resolver.runtime.netlink import messages_untrusted

_USER_OPTION: Final = 68  # RTM_NEWNDUSEROPT
_GROUP: Final = 1 << 19  # RTNLGRP_ND_USEROPT
_HEAD = struct.Struct("=BxHiBB6x")  # struct nduseroptmsg: family, octets, link, ICMP type and code
_ADVERTISEMENT: Final = 134
_PREF64: Final = 38
_OCTETS: Final = 65_536


def options_untrusted(data: bytes) -> list[bytes]:
    """The PREF64 options in one datagram of the kernel. Raises WireError: not rtnetlink's form."""
    found = list[bytes]()
    for kind, payload in messages_untrusted(data):
        if kind != _USER_OPTION:
            continue
        if len(payload) < _HEAD.size:
            raise WireError("netlink: a message is cut short")
        _, octets, _, icmp_type, _ = _HEAD.unpack_from(payload)
        option = payload[_HEAD.size : _HEAD.size + octets]
        if icmp_type == _ADVERTISEMENT and option[:1] == bytes((_PREF64,)):
            found.append(option)
    return found


class RouterSocket:
    """What routers say from now on. Raises OSError where nobody tells."""

    def __init__(self) -> None:
        family = getattr(socket, "AF_NETLINK", None)
        if family is None:
            raise OSError(errno.EAFNOSUPPORT, "no rtnetlink on this system")
        self._socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((0, _GROUP))
        except BaseException:
            self._socket.close()
            raise

    def __repr__(self) -> str:
        return f"<RouterSocket fd={self._socket.fileno()}>"

    async def advertised(self) -> list[bytes]:
        """The options of the next advertisements that have any."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            found = self._take()
            if found:
                return found

    def _take(self) -> list[bytes]:
        """Those that have come, of LINK_MESSAGES datagrams at most; what is lost comes again."""
        found = list[bytes]()
        for _ in range(LINK_MESSAGES):
            try:
                data, (sender, _) = self._socket.recvfrom(_OCTETS)
                found += options_untrusted(data) if sender == 0 else []
            except BlockingIOError:
                break
            except WireError:
                continue
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
        return found

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()
