"""From what a client heard to one line of the table. Pure.

Every record changes its address while the link is cut: whoever tells the old one afterwards is
stale, whatever his reply says of it.
"""

import dataclasses
import enum
import math
from collections.abc import Iterable, Sequence

from resolver.protocol.edns import OPT_EDE
from resolver.protocol.wire import parse_untrusted

LATER_S = 10.0  # from then on after the return nothing may be stale
FAILED_BAR, P50_BAR_MS, P99_BAR_MS, PACKETS_BAR = 0, 1.0, 100.0, 1.0
_DENIALS = frozenset({0, 3})  # proven by a signed denial that is cached (RFC 8198)
_FAILURE_CODES = frozenset({22, 23})  # RFC 8914: no reachable authority, network error


class Kind(enum.Enum):
    """Of a name: asked and answered before the cut, or never asked at all."""

    KNOWN = "known"
    NEW = "new"


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """What one question came to. *rcode* None: silence; *address*: the one in the answer, if any;
    *ede*: codes of extended errors."""

    kind: Kind
    sent_s: float
    took_ms: float
    rcode: int | None
    address: bytes = b""
    ede: frozenset[int] = frozenset()


def heard_of(kind: Kind, sent_s: float, took_ms: float, reply: bytes | None) -> Heard:
    """What a reply says."""
    if reply is None:
        return Heard(kind, sent_s, took_ms, None)
    message = parse_untrusted(reply)
    options = message.edns.options if message.edns is not None else ()
    codes = frozenset(int.from_bytes(data[:2], "big") for code, data in options if code == OPT_EDE)
    address = message.answer[-1].rdata if message.answer else b""
    return Heard(kind, sent_s, took_ms, message.flags & 0xF, address, codes)


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """From when to when, on the client's clock, and the queries that left the machine meanwhile."""

    began_s: float
    healed_s: float
    packets: int


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """One line. Times of *known* and *new* names in the cut; *told*: the share of failures that say
    why; *back_s*: to the first fresh answer, of each return; *late*: stale answers LATER_S after
    the first one."""

    asked: int
    failed: int
    p50_ms: float
    p99_ms: float
    packets_per_s: float
    new_p99_ms: float
    told: float
    back_s: tuple[float, ...]
    late: int

    def is_within_bars(self, *, packets_per_s: float = PACKETS_BAR) -> bool:
        """Issue 12's, but for the return: how soon a dead line is found whole is chance."""
        return (
            self.failed == FAILED_BAR
            and self.p50_ms <= P50_BAR_MS
            and max(self.p99_ms, self.new_p99_ms) <= P99_BAR_MS
            and self.packets_per_s <= packets_per_s
            and not self.late
        )


def quantile(values: Iterable[float], share: float) -> float:
    """The nearest-rank quantile; of nothing 0."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def figures(
    heard: Sequence[Heard], cut: Cut, back_s: Sequence[float], *, stale: Sequence[Heard] = ()
) -> Figures:
    """Of the long cut *cut*; *stale*: what was heard of old addresses after its return, late."""
    within = [one for one in heard if cut.began_s <= one.sent_s < cut.healed_s]
    known = [one for one in within if one.kind is Kind.KNOWN]
    new = [one for one in within if one.kind is Kind.NEW]
    lost = [one for one in new if one.rcode not in _DENIALS]
    took = [one.took_ms for one in known]
    return Figures(
        asked=len(known),
        failed=sum(one.rcode != 0 for one in known),
        p50_ms=quantile(took, 0.50),
        p99_ms=quantile(took, 0.99),
        packets_per_s=cut.packets / (cut.healed_s - cut.began_s),
        new_p99_ms=quantile((one.took_ms for one in new), 0.99),
        told=sum(bool(one.ede & _FAILURE_CODES) for one in lost) / max(1, len(lost)),
        back_s=tuple(back_s),
        late=len(stale),
    )


def first_fresh_s(heard: Iterable[Heard], healed_s: float, new: set[bytes]) -> float:
    """Seconds from the return to the first answer with one of the addresses *new*; else inf."""
    arrived = (one.sent_s + one.took_ms / 1000 for one in heard if one.address in new)
    return min((at - healed_s for at in arrived if at > healed_s), default=math.inf)


def stale_after(heard: Iterable[Heard], healed_s: float, new: set[bytes]) -> list[Heard]:
    """What was told LATER_S after the return or later, and is none of *new*."""
    return [
        one
        for one in heard
        if one.sent_s >= healed_s + LATER_S and one.address and one.address not in new
    ]


HEAD = (
    "| cut | resolver | known names: failed | p50, p99 ms | packets a second | new names: p99 ms "
    "| failures that say why | link back: first fresh answer, s | stale 10 s later |\n"
    + "|---" * 9
    + "|"
)


def row(title: str, resolver: str, found: Figures, *, watched_s: float) -> str:
    """One line of the table; *watched_s*: how long a fresh answer was waited for."""
    share = found.failed / max(1, found.asked)
    back = sorted(found.back_s)
    middle, worst = quantile(back, 0.5), back[-1] if back else math.inf
    return (
        f"| {title} | {resolver} | {found.failed} of {found.asked} ({share:.1%}) "
        f"| {found.p50_ms:.1f}, {found.p99_ms:.1f} | {found.packets_per_s:.2f} "
        f"| {found.new_p99_ms:.1f} | {found.told:.0%} "
        f"| {_seconds(middle, watched_s)}, at worst {_seconds(worst, watched_s)} of {len(back)} "
        f"| {found.late} |"
    )


def _seconds(value: float, watched_s: float) -> str:
    return f"> {watched_s:.0f}" if math.isinf(value) else f"{value:.2f}"
