"""EDNS(0) as data: the OPT pseudo-record and its options, to and from octets.

Read by `wire` (which finds the OPT) and `render` (which always keeps it). What an option *means* is
decided elsewhere; here are its numbers and the forms of those that the resolver itself writes.
RFC 6891 (OPT), 7873 (cookies), 8914 (EDE), 7830 (padding), 5001 (NSID), 7828
(keep-alive), 7871 (ECS).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, NamedTuple

from resolver.errors import WireError
from resolver.limits import OPT_RECORDS, UDP_PAYLOAD

OPT_NSID: Final = 3
OPT_ECS: Final = 8
OPT_EXPIRE: Final = 9
OPT_COOKIE: Final = 10
OPT_KEEPALIVE: Final = 11
OPT_PADDING: Final = 12
OPT_EDE: Final = 15
OPT_REPORT_CHANNEL: Final = 18

_BLOCKS: Final = frozenset({15, 16, 17})  # blocked, censored, filtered
_DO: Final = 0x8000
_FIXED: Final = struct.Struct(
    "!BHHBBHH"
)  # root owner, type, payload, rcode, version, flags, length
_HEAD: Final = struct.Struct("!HH")
_OPT_TYPE: Final = 41
_LONGEST_LABEL: Final = 63
_LONGEST_NAME: Final = 255

Option = tuple[int, bytes]


class Edns(NamedTuple):
    """One OPT record. *z* is the flags word without DO: to be ignored, and sent as zero."""

    udp_payload: int = UDP_PAYLOAD
    version: int = 0
    do: bool = False
    extended_rcode: int = 0
    options: tuple[Option, ...] = ()
    z: int = 0

    def option(self, code: int) -> bytes | None:
        """Data of the first option *code*, or None. RFC 7873 §5.2: only the first COOKIE counts."""
        for found, data in self.options:
            if found == code:
                return data
        return None


def decode(rclass: int, ttl: int, rdata: bytes) -> Edns:
    """An OPT record's fields, which reuse class and TTL (RFC 6891 §6.1.3).

    Raises WireError if the options do not fill the rdata exactly.
    """
    bare = _without_options(rclass, ttl)
    return bare._replace(options=_options(rdata)) if rdata else bare


@lru_cache(maxsize=OPT_RECORDS)
def _without_options(rclass: int, ttl: int) -> Edns:
    """Of most messages, which are alike in it."""
    flags = ttl & 0xFFFF
    return Edns(rclass, ttl >> 16 & 0xFF, flags & _DO != 0, ttl >> 24, z=flags & ~_DO)


def _options(rdata: bytes) -> tuple[Option, ...]:
    options = []
    at = 0
    end = len(rdata)
    while at < end:
        if at + 4 > end:
            raise WireError("EDNS option header runs past the OPT record")
        code, size = _HEAD.unpack_from(rdata, at)
        at += 4
        if at + size > end:
            raise WireError("EDNS option runs past the OPT record")
        options.append((code, rdata[at : at + size]))
        at += size
    return tuple(options)


@lru_cache(maxsize=OPT_RECORDS)
def encode(edns: Edns) -> bytes:
    """The whole OPT record, its root owner included: 11 octets and the options.

    Remembered, because there are few: those of our own replies, and one to each server.
    """
    payload, version, do, extended_rcode, options, z = edns
    flags = z | _DO if do else z
    if not options:
        return _FIXED.pack(0, _OPT_TYPE, payload, extended_rcode, version, flags, 0)
    body = b"".join([_HEAD.pack(code, len(data)) + data for code, data in options])
    return _FIXED.pack(0, _OPT_TYPE, payload, extended_rcode, version, flags, len(body)) + body


def ede_option(code: int, text: str = "") -> Option:
    """An extended DNS error: INFO-CODE, and EXTRA-TEXT without a final zero (RFC 8914 §2)."""
    return OPT_EDE, code.to_bytes(2, "big") + text.encode("utf-8", "replace")


def ede_of(data: bytes) -> tuple[int, str] | None:
    """INFO-CODE and EXTRA-TEXT of an EDE option's data; None if it is too short to have one."""
    if len(data) < 2:
        return None
    return int.from_bytes(data[:2], "big"), data[2:].rstrip(b"\0").decode("utf-8", "replace")


def blocks(edns: Edns | None) -> tuple[tuple[int, str], ...]:
    """The extended errors that say: left out on purpose (RFC 8914 §4.16 to §4.18)."""
    options = edns.options if edns is not None else ()
    found = [ede_of(data) for code, data in options if code == OPT_EDE]
    return tuple(one for one in found if one is not None and one[0] in _BLOCKS)


def cookie_option(client: bytes, server: bytes = b"") -> Option:
    """The client's eight octets, and the server's eight to 32 if known (RFC 7873 §4)."""
    return OPT_COOKIE, client + server


def nsid_option(identity: bytes = b"") -> Option:
    """Empty in a query, the server's identity in a reply (RFC 5001 §2.3)."""
    return OPT_NSID, identity


def agent_untrusted(data: bytes) -> bytes:
    """The agent's name in a Report-Channel option (RFC 9567 §5), lower-cased. Raises WireError.

    Whole, uncompressed and nothing behind it; the root is no agent (§6.3).
    """
    at, end = 0, len(data)
    while at < end and data[at]:
        if data[at] > _LONGEST_LABEL:
            raise WireError("the name of an agent for errors is compressed")
        at += data[at] + 1
    if at != end - 1 or not at or end > _LONGEST_NAME:
        raise WireError("no name of an agent for errors")
    return data.lower()
