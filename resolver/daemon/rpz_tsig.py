"""Signatures of transfers (RFC 8945): ours on the question, theirs on every message that has one.

The first and the last message of a reply are signed, and at least each hundredth between (§5.3.1);
what lies between is covered by the next signature. By dnspython.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any, Final

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.wire

from resolver.errors import WireError
from resolver.policy.tsig import start_of_tsig

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNSIGNED_MOST: Final = 99
_validate: Final[Any] = dns.tsig.validate  # it has no types
_WHY: Final = {
    dns.tsig.BadSignature: "its signature is wrong (TSIG)",
    dns.tsig.BadTime: "its clock and ours differ too much (TSIG)",
    dns.tsig.BadKey: "it signs with another key (TSIG)",
    dns.tsig.BadAlgorithm: "it signs with another algorithm (TSIG)",
    dns.tsig.PeerBadKey: "it does not know our key (TSIG BADKEY)",
    dns.tsig.PeerBadSignature: "it finds our signature wrong (TSIG BADSIG)",
    dns.tsig.PeerBadTime: "it finds our clock wrong (TSIG BADTIME)",
}


class Signer:
    """One question and its reply. *key*: algorithm, name, secret; empty: nothing is signed."""

    def __init__(self, key: Sequence[str]) -> None:
        self._key: dns.tsig.Key | None = None
        self._mac = b""
        self._context: dns.tsig.HMACTSig | dns.tsig.GSSTSig | None = None
        self._unsigned = 0
        self._has_seen = False
        if key:
            algorithm, name, secret = key
            self._key = dns.tsig.Key(
                dns.name.from_text(name), base64.b64decode(secret), dns.name.from_text(algorithm)
            )

    def sign(self, query: dns.message.Message) -> bytes:
        """The octets of *query*, signed."""
        if self._key is not None:
            query.use_tsig(self._key)
        octets = query.to_wire()
        self._mac = query.mac or b""
        return octets

    def check_untrusted(self, octets: bytes) -> None:
        """The next message of the reply. Raises WireError where it is not what it should be."""
        key = self._key
        if key is None:
            return
        at = start_of_tsig(octets)
        if at < 0:
            self._unsigned += 1
            if not self._has_seen or self._unsigned > _UNSIGNED_MOST or self._context is None:
                raise WireError("its reply is not signed (TSIG)")
            self._context.update(octets)  # type: ignore[no-untyped-call]
            return
        try:
            parser = dns.wire.Parser(octets, at)
            owner = parser.get_name()
            rdtype, rdclass, _, size = parser.get_struct("!HHIH")
            rdata = dns.rdata.from_wire_parser(
                dns.rdataclass.RdataClass.make(rdclass),
                dns.rdatatype.RdataType.make(rdtype),
                dns.wire.Parser(octets[: parser.current + size], parser.current),
            )
            self._context = _validate(
                octets,
                key,
                owner,
                rdata,
                int(time.time()),
                self._mac,
                at,
                self._context,
                multi=True,
            )
        except dns.exception.DNSException as error:
            why = _WHY.get(type(error), f"its signature cannot be checked ({error})")
            raise WireError(why) from None
        except (ValueError, IndexError, AttributeError) as error:
            raise WireError(f"its signature cannot be read ({error})") from None
        self._has_seen, self._unsigned = True, 0

    def end(self) -> None:
        """There are no more messages. Raises WireError where the last was not signed."""
        if self._key is not None and (self._unsigned or not self._has_seen):
            raise WireError("the end of its reply is not signed (TSIG)")
