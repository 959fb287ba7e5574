"""How much clients may have answered: tokens by client network, which price what is dear.

A hit costs RATE_HIT, a miss RATE_MISS, one that comes to nothing (SERVFAIL, NXDOMAIN) RATE_FAILING;
the difference is charged when it is known. So a flood of random names pays ten times what an honest
client pays. An address has `per_second` tokens a second, and each wider network that holds it a
multiple (RATE_PREFIXES): many behind one address of a carrier live, and a /24 of forged addresses
has not 256 times what one has. The narrowest that is empty decides.

Who has shown that it receives where it sends from, by a stream or by a server cookie (RFC 7873),
has RATE_PROVEN_FACTOR times as much of its own, which no forged query can empty. The cookie is
looked at only where the others are used up. This machine is exempt.

A hit costs two microseconds, and asking five buckets as many. So an address is *leased* some tokens
at a time, and what it used is charged behind each batch (`listen.udp`): while a lease lasts a
charge is one dict look-up, and what has none is not on the fast path. What was found empty, an
address or a network, is *barred* until it has a token, and RATE_BAR_SECONDS at least: so long none
of its datagrams asks a bucket, and of a flood nearly none is looked at.
"""

from __future__ import annotations

from random import Random, SystemRandom
from typing import TYPE_CHECKING, ClassVar, Final

from resolver.limits import (
    RATE_BAR_SECONDS,
    RATE_BURST_SECONDS,
    RATE_FAILING,
    RATE_HIT,
    RATE_LEASE_PART,
    RATE_MISS,
    RATE_NETWORKS,
    RATE_PROVEN_FACTOR,
    RATE_SAMPLE,
    RATE_SAMPLE_PART,
    RATE_SIFTED,
    RATE_SLIP,
    UDP_PAYLOAD,
)
from resolver.listen.proofs import NoProofs
from resolver.listen.short_reply import short_reply
from resolver.listen.token_levels import CommonLevels, TokenLevels
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.ip_addresses import unmapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resolver.listen.proofs import Proofs
    from resolver.listen.token_levels import CommonTokens

RATE_PREFIXES: Final = {
    4: {32: 1, 24: 32, 20: 256, 18: 768},
    16: {128: 1, 64: 2, 56: 3, 48: 4, 32: 64},
}
"""Octets of an address → length of a prefix → times the tokens of one address (Knot Resolver 6)."""
_BARRED: Final = {
    4: {32: 4, 24: 3, 20: 3, 18: 3},
    16: {128: 16, 64: 8, 56: 8, 48: 6, 32: 6},
}
"""The same, with the octets of what is barred where one of that length is empty: wider networks a
/24 or /48 at a time."""
_CUTS: Final = {4: (3, 4), 16: (8, 6, 15, 16)}
"""Octets of a raw address → of all that may be barred and holds it; 15: a /24 of IPv4 in IPv6's
clothes."""
_EXTENDED_BITS: Final = 4  # of an rcode, in the header; the rest is in OPT
_FAILED: Final = frozenset(map(int, (Rcode.SERVFAIL, Rcode.NXDOMAIN)))
_LOOPBACK: Final = bytes(15) + b"\1"
_NEVER_USED_UP: Final = float("inf")
_OWED: Final = 1 / RATE_BURST_SECONDS  # of a burst: what is dear may cost what a second brings
MISS_EXTRA: Final = RATE_MISS - RATE_HIT
"""What is owed for a query that was paid for as a hit, and is none."""
_FAILING_EXTRA: Final = RATE_FAILING - RATE_MISS


def is_this_machine(address: bytes) -> bool:
    """True of raw addresses that nobody else can send from."""
    return address[0] == 127 or address == _LOOPBACK  # noqa: PLR2004  # 127/8


class Ledger:
    """Tokens of clients, by address and by the networks that hold it.

    An address has a lease of its own tokens; its networks are charged for what it used of that when
    it needs the next. A full table forgets whom it has not met for longest: forged sources do not
    fill memory.
    """

    def __init__(
        self, per_second: float, now: Callable[[], float], common: CommonTokens | None = None
    ) -> None:
        self._now = now
        burst = per_second * RATE_BURST_SECONDS
        self._lease = max(1.0, burst * RATE_LEASE_PART / (common.workers if common else 1))
        self._leases: dict[bytes, float] = {}  # what is left of each
        self._lent: dict[bytes, float] = {}  # how much it was
        self._barred: dict[bytes, float] = {}  # addresses and networks, until when
        self._bars_until = 0.0  # the last of them
        self._prefixes = {
            octets: [
                _levels(octets, length, burst * times, common) for length, times in lengths.items()
            ]
            for octets, lengths in RATE_PREFIXES.items()
        }

    def __len__(self) -> int:
        """Networks that are remembered, of all lengths."""
        return sum(len(one) for found in self._prefixes.values() for one in found)

    def charge(self, source: bytes, tokens: int = RATE_HIT) -> bool:
        """The client at raw *source* had so much; False if it has nothing left."""
        left = self._leases.get(source, 0.0) - tokens
        if left >= 1.0:
            self._leases[source] = left
            return True
        return not self._is_barred(source) and self._renew(source, left, least=0.0)

    def charge_all(self, sources: Iterable[bytes], tokens: int) -> list[bytes]:
        """`charge` each of *sources*; those that have nothing left."""
        leases, over = self._leases, []
        for source in sources:
            left = leases.get(source, 0.0) - tokens
            if left >= 1.0:
                leases[source] = left
            elif not self.charge(source, tokens):
                over.append(source)
        return over

    def charge_extra(self, source: bytes, tokens: int) -> None:
        """The same of what turns out dear; it is owed where there is nothing left."""
        left = self._leases.get(source, 0.0) - tokens
        if left >= 1.0:
            self._leases[source] = left
        else:
            self._renew(source, left, least=-_OWED)

    def pays(self, source: bytes, tokens: int) -> bool:
        """`charge_extra`, unless it `is_over`: False."""
        left = self._leases.get(source, 0.0) - tokens
        if left >= 1.0:
            self._leases[source] = left
        elif self.is_over(source):
            return False
        else:
            self.charge_extra(source, tokens)
        return True

    def is_over(self, source: bytes) -> bool:
        """True if there is nothing left for it now."""
        if self._leases.get(source, 0.0) >= 1.0:
            return False
        return self._is_barred(source) or not self._renew(source, 0.0, least=0.0)

    def wait_s(self, source: bytes) -> float:
        """Seconds until a client that has nothing left has a token again."""
        return max(0.0, self._barred_until(source) - self._now())

    def bars_anybody(self) -> bool:
        """True while anybody is known to have nothing left."""
        if not self._barred:
            return False
        if self._now() < self._bars_until:
            return True
        self._barred.clear()
        return False

    def known_over(self, sources: Sequence[bytes]) -> list[int]:
        """Which of *sources*, by their places, are known to have nothing left: no bucket is asked.

        Cost: a third of a microsecond each.
        """
        now, barred, leases = self._now(), self._barred, self._leases
        found = []
        for place, source in enumerate(sources):
            for octets in _CUTS[len(source)]:
                if barred.get(source[:octets], 0.0) > now:
                    if leases.get(source, 0.0) < 1.0:
                        found.append(place)
                    break
        return found

    def _barred_until(self, source: bytes) -> float:
        return max(self._barred.get(source[:octets], 0.0) for octets in _CUTS[len(source)])

    def _is_barred(self, source: bytes) -> bool:
        return bool(self._barred) and self._now() < self._barred_until(source)

    def _renew(self, source: bytes, left: float, *, least: float) -> bool:
        """A new lease, *left* being left of the old one, if less than nothing; False: none is to be
        had. *least*: bursts of tokens, none or negative, that may be owed."""
        self._leases.pop(source, None)
        used = self._lent.pop(source, 0.0) - left
        address = unmapped(source)
        if is_this_machine(address):
            return self._lend(source, _NEVER_USED_UP)
        now, number = self._now(), int.from_bytes(address, "big")
        own, *wider = self._prefixes[len(address)]
        levels = [(own, own.take(number, -left, now, least=least))]
        levels += [(one, one.take(number, used, now, least=least)) for one in wider]
        lowest = min(level for _, level in levels)
        if lowest < 1.0:
            disguise = len(source) - len(address)  # IPv4 in IPv6's clothes
            for one, level in levels:
                if level < 1.0:
                    wait_s = (1.0 - level) * RATE_BURST_SECONDS / one.full
                    self._bar(source[: disguise + one.octets], now + max(RATE_BAR_SECONDS, wait_s))
            return False
        lease = min(self._lease, lowest)
        own.take(number, lease, now, least=0.0)
        return self._lend(source, lease)

    def _lend(self, source: bytes, tokens: float) -> bool:
        if len(self._leases) >= RATE_NETWORKS:
            oldest = next(iter(self._leases))
            del self._leases[oldest]
            self._lent.pop(oldest, None)
        self._leases[source] = self._lent[source] = tokens
        self._barred.pop(source, None)
        return True

    def _bar(self, whom: bytes, until: float) -> None:
        if len(self._barred) >= RATE_NETWORKS:
            self._barred.clear()
        self._barred[whom] = until
        self._bars_until = max(self._bars_until, until)


def _levels(octets: int, length: int, full: float, common: CommonTokens | None) -> TokenLevels:
    shift, barred = octets * 8 - length, _BARRED[octets][length]
    if common is None:
        return TokenLevels(shift, full, barred)
    return CommonLevels(shift, full, barred, kind=octets << 8 | length, common=common)


class RateLimit:
    """*per_second* tokens for one address, and more for wider networks and for the proven.

    *common*: where several workers keep what both kinds of clients have left.
    """

    COUNTS: ClassVar = {
        "limited": "Queries over the rate of their network, on any transport.",
        "cookies_demanded": "Of those, the ones that were told BADCOOKIE.",
        "cookies_proven": "Queries over the rate of their network that their cookie let through.",
    }

    def __init__(
        self,
        per_second: float,
        now: Callable[[], float],
        proofs: Proofs | None = None,
        *,
        rng: Random | None = None,
        common: tuple[CommonTokens, CommonTokens] | None = None,
    ) -> None:
        self.per_second = per_second
        fair = per_second * RATE_BURST_SECONDS * RATE_SAMPLE_PART
        self.sample = max(1, min(RATE_SAMPLE, int(fair)))
        seed = (rng or SystemRandom()).getrandbits(64)
        self._random = Random(seed).random  # noqa: S311  # who is charged: 40 ns, not 2 µs
        self.limited = 0
        self.cookies_demanded = 0
        self.cookies_proven = 0
        self._proofs = proofs or NoProofs()
        anybody, proven = common or (None, None)
        self.anybody = Ledger(float(per_second), now, anybody)
        self.proven = Ledger(per_second * RATE_PROVEN_FACTOR, now, proven)

    def __repr__(self) -> str:
        return f"<RateLimit {self.per_second:g} a second, {self.limited} limited>"

    def gap(self) -> int:
        """How many hits on is the next that is charged, for *sample* of them: that on an average.

        By chance: nobody can have another's charged.
        """
        if self.sample == 1:
            return 1
        return 1 + int(self._random() * (2 * self.sample - 1))

    def admits_proven(self, data: bytes, source: bytes) -> bool:
        """May the datagram *data* be answered though its source has nothing left? Then it paid."""
        if not self._proofs.holds(data, source) or self.proven.is_over(source):
            self.limited += 1
            return False
        self.proven.charge(source)
        self.cookies_proven += 1
        return True

    def allows_stream(self, source: bytes) -> bool:
        """Take a hit's price for a query on a stream, whose handshake proves the address."""
        if self.proven.is_over(source):
            self.limited += 1
            return False
        self.proven.charge(source)
        return True

    def missed(self, source: bytes, *, is_proven: bool) -> None:
        """What was paid for as a hit is none."""
        (self.proven if is_proven else self.anybody).charge_extra(source, MISS_EXTRA)

    def sift(self, sources: Sequence[bytes], read: Callable[[int], bytes]) -> set[int]:
        """Places of datagrams that get nothing, not even a look: their *sources* are known to be
        over. Not RATE_SIFTED of them, nor what holds a cookie that counts; *read* has their octets.
        """
        over = self.anybody.known_over(sources)[RATE_SIFTED:]
        dropped = {at for at in over if not self._proofs.holds(read(at), sources[at])}
        self.limited += len(dropped)
        return dropped

    def ended(self, source: bytes, reply: bytes | None, *, is_proven: bool | None = None) -> None:
        """What was paid for as a miss has come to *reply*. *is_proven* None: if it has nothing left
        but what who is proven has."""
        if reply is not None and reply[3] & 0xF in _FAILED:
            self.failed(source, is_proven=is_proven)

    def failed(self, source: bytes, *, is_proven: bool | None = None) -> None:
        """The same of what has come to nothing."""
        if is_proven is None:
            is_proven = self.anybody.is_over(source)
        (self.proven if is_proven else self.anybody).charge_extra(source, _FAILING_EXTRA)

    def slip(self, data: bytes, source: bytes) -> bytes | None:
        """What a limited UDP query gets: every other time a short reply, else nothing.

        With a cookie BADCOOKIE and a server cookie that will do (RFC 7873 §5.2.3, §5.2.4), without
        one a truncated reply: a client whose address is forged by others can still ask over TCP.
        """
        if self.limited % RATE_SLIP:
            return None
        cookie = self._proofs.renewed(data, source)
        if not cookie:
            return short_reply(data, rcode=Rcode.NOERROR, flags=Flag.TC)
        reply = short_reply(data, rcode=Rcode.BADCOOKIE & 0xF)
        if reply is None:
            return None
        self.cookies_demanded += 1
        return add_cookie(reply, Rcode.BADCOOKIE, cookie)


def add_cookie(reply: bytes, rcode: int, cookie: bytes) -> bytes:
    """*reply*, which has no additional record, with an OPT that holds *cookie* and says *rcode*."""
    head = b"\0\0\x29" + UDP_PAYLOAD.to_bytes(2, "big") + bytes((rcode >> _EXTENDED_BITS, 0, 0, 0))
    opt = head + len(cookie).to_bytes(2, "big") + cookie
    return reply[:10] + b"\0\1" + reply[12:] + opt
