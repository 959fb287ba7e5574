"""The addresses of this machine's interfaces, where the system tells (Linux); else none."""

from __future__ import annotations

import socket
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

_SIOCGIFADDR: Final = 0x8915
_IF_INET6: Final = Path("/proc/self/net/if_inet6")
_LINK_LOCAL: Final = "fe8"


def own_addresses(*, is_ipv6: bool) -> list[str]:
    """Those of one family, in presentation form, without link-local ones. Never raises."""
    return sorted(_of_ipv6() if is_ipv6 else _of_ipv4())


def _of_ipv6() -> set[str]:
    found = set()
    with suppress(OSError):
        for line in _IF_INET6.read_text("ascii").splitlines():
            digits = line.partition(" ")[0]
            if not digits.startswith(_LINK_LOCAL):
                found.add(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits)))
    return found


def _of_ipv4() -> set[str]:
    """The first address of each interface."""
    try:
        from fcntl import ioctl  # noqa: PLC0415  # not everywhere
    except ImportError:
        return set()
    found = set()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it has none
                told = ioctl(sock, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.add(socket.inet_ntop(socket.AF_INET, told[20:24]))
    return found
