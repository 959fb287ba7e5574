"""Signed queries (RFC 8945): clients have no key here, primaries of policy zones may have one.

A client that signs would throw an unsigned answer away. NOTAUTH with BADKEY tells it so (§5.2.1);
the TSIG record of such a reply has no MAC (§5.3.2). BIND does so; Unbound says FORMERR; Knot and
PowerDNS answer unsigned. A primary's NOTIFY is checked, and the reply signed. Transfers are
`daemon.rpz_tsig`'s, by dnspython, which is not loaded for one message. Pure.
"""

from __future__ import annotations

import hmac
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.protocol.render import add_last

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name
    from resolver.protocol.message import Record

_HEAD: Final = Struct("!HHIH").pack  # type, class, TTL, octets of rdata
_TAIL: Final = Struct("!HHHH").pack  # octets of MAC, original id, error, octets of other data
_LENGTH: Final = 2
_TIME_AND_FUDGE: Final = 8
BADSIG, BADKEY, BADTIME = 16, 17, 18
_TSIG: Final = 250
_ANY: Final = 255
_FUDGE: Final = 300
_HEADER: Final = 12
_POINTER: Final = 0xC0
_RECORD: Final = 10
_DIGESTS: Final = {  # by the algorithm's name (§6)
    b"\x0bhmac-sha256\0": "sha256",
    b"\x0bhmac-sha384\0": "sha384",
    b"\x0bhmac-sha512\0": "sha512",
}
_LONGEST_LABEL: Final = 63


class Key(NamedTuple):
    """*algorithm* and *name* as names, *secret* in octets."""

    algorithm: Name
    name: Name
    secret: bytes


class NotSigned(WireError):
    """A signature that does not count. *code*: what its sender is told (§5.2)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a signature that does not count ({code})")
        self.code = code


def bad_key(signature: Record, code: int = BADKEY) -> bytes:
    """The TSIG record, in octets, that tells that the key of *signature* is not known, or what else
    is wrong with it.

    Raises WireError if *signature* cannot be read.
    """
    rdata = signature.rdata
    try:
        times = _end_of_name(rdata)
        at = times + _TIME_AND_FUDGE
        after_mac = at + _LENGTH + int.from_bytes(rdata[at : at + _LENGTH], "big")
        original_id = rdata[after_mac : after_mac + 2]
        rdata[after_mac + 5]  # the end of what has to be there
    except IndexError:
        raise WireError("a TSIG record that ends too soon") from None
    answer = rdata[:at] + _TAIL(0, int.from_bytes(original_id, "big"), code, 0)
    return signature.owner + _HEAD(signature.rtype, signature.rclass, 0, len(answer)) + answer


def _end_of_name(rdata: bytes) -> int:
    at = 0
    while size := rdata[at]:
        if size > _LONGEST_LABEL:
            raise WireError("a TSIG record whose algorithm is no name")
        at += size + 1
    return at + 1


def signed_untrusted(octets: bytes, key: Key, wall: float) -> Callable[[bytes], bytes]:
    """Who signs the reply to the query *octets*, which *key* has signed, at the time *wall*.

    Raises NotSigned where it is not signed so, WireError where that cannot be read.
    """
    at = start_of_tsig(octets)
    if at < 0:
        raise NotSigned(BADSIG)
    owner_end = _end_of_name(octets[at:]) + at
    owner, rdata = octets[at:owner_end].lower(), octets[owner_end + _RECORD :]
    try:
        end = _end_of_name(rdata)
        algorithm, times = rdata[:end].lower(), rdata[end : end + _TIME_AND_FUDGE]
        size = int.from_bytes(rdata[end + _TIME_AND_FUDGE :][:_LENGTH], "big")
        mac = rdata[end + _TIME_AND_FUDGE + _LENGTH :][:size]
        original_id, error_and_other = rdata[-6:-4], rdata[-4:]
    except IndexError:
        raise WireError("a TSIG record that ends too soon") from None
    if (owner, algorithm) != (key.name, key.algorithm) or error_and_other != bytes(4):
        raise NotSigned(BADKEY)
    count = int.from_bytes(octets[10:12], "big") - 1
    message = original_id + octets[2:10] + count.to_bytes(2, "big") + octets[_HEADER:at]
    if not hmac.compare_digest(mac, _mac(key, message, times)):
        raise NotSigned(BADSIG)
    fudge = int.from_bytes(times[6:], "big")
    if abs(wall - int.from_bytes(times[:6], "big")) > fudge:
        raise NotSigned(BADTIME)
    return partial(_sign, key=key, request_mac=mac, wall=wall)


def _sign(reply: bytes, *, key: Key, request_mac: bytes, wall: float) -> bytes:
    """*reply* with a TSIG record at its end (§5.3)."""
    times = int(wall).to_bytes(6, "big") + _FUDGE.to_bytes(2, "big")
    mac = _mac(key, reply, times, len(request_mac).to_bytes(2, "big") + request_mac)
    rdata = key.algorithm + times + len(mac).to_bytes(2, "big") + mac + reply[:2] + bytes(4)
    return add_last(reply, key.name + _HEAD(_TSIG, _ANY, 0, len(rdata)) + rdata)


def _mac(key: Key, message: bytes, times: bytes, before: bytes = b"") -> bytes:
    """Of *message* without its TSIG record, and what that says (§4.3)."""
    variables = key.name + _ANY.to_bytes(2, "big") + bytes(4) + key.algorithm + times + bytes(4)
    return hmac.digest(key.secret, before + message + variables, _DIGESTS[key.algorithm])


def start_of_tsig(octets: bytes) -> int:
    """Where the TSIG record begins, which is the last; -1 if there is none. Raises WireError."""
    try:
        questions, *counts = (int.from_bytes(octets[at : at + 2], "big") for at in (4, 6, 8, 10))
        at = _HEADER
        for _ in range(questions):
            at = _behind_name(octets, at) + 4
        if not counts[-1]:
            return -1
        start = rtype = 0
        for _ in range(sum(counts)):
            start = at
            at = _behind_name(octets, at)
            rtype = int.from_bytes(octets[at : at + 2], "big")
            at += _RECORD + int.from_bytes(octets[at + 8 : at + 10], "big")
            if at > len(octets):
                raise WireError("a message that ends too soon")
    except IndexError:
        raise WireError("a message that ends too soon") from None
    return start if rtype == _TSIG else -1


def _behind_name(octets: bytes, at: int) -> int:
    while size := octets[at]:
        if size >= _POINTER:
            return at + 2
        at += size + 1
    return at + 1
