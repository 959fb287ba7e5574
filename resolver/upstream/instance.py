"""The instances of an anycast server, by what they say of themselves (NSID): now, and before.

That is untrusted text: NSID_OCTETS of it are kept and shown, and nothing else is made of it here.
RFC 5001. Pure: *now* is trio's time, passed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Self

from resolver.limits import EARLIER_INSTANCES, NSID_OCTETS, UNSTABLE_SECONDS
from resolver.protocol.edns import OPT_NSID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.protocol.wire import Message

_SPACE, _TILDE = 0x20, 0x7E


class KeptInstance(NamedTuple):
    """One in a snapshot: plain values, ready for JSON. *octets*: hexadecimal."""

    octets: str
    since_s_ago: float
    last_s_ago: float
    least_s: float


class Instance:
    """One that answered, from *since* to *last*, within *least_s* seconds at best."""

    __slots__ = ("last", "least_s", "octets", "since")

    def __init__(self, octets: bytes, since: float, last: float, least_s: float) -> None:
        self.octets = octets
        self.since = since
        self.last = last
        self.least_s = least_s

    def __repr__(self) -> str:
        return f"<Instance {self.text} within {1000 * self.least_s:.1f} ms>"

    @property
    def text(self) -> str:
        """Printable ASCII as it is, all else as hexadecimal digits."""
        return text_of(self.octets)


class Instances:
    """Those of one address: the *current* one, and *earlier* ones, the last before it first."""

    __slots__ = ("current", "earlier", "unstable_until")

    def __init__(self, current: Instance) -> None:
        self.current = current
        self.earlier: list[Instance] = []
        self.unstable_until = -math.inf

    def __repr__(self) -> str:
        return f"<Instances {self.current!r} after {len(self.earlier)}>"

    def is_unstable(self, now: float) -> bool:
        """One that had gone came back within UNSTABLE_SECONDS."""
        return now < self.unstable_until

    def note(self, octets: bytes, rtt_s: float, now: float) -> Instance | None:
        """This one answered. Returns the one before, if it is another."""
        before = self.current
        if before.octets == octets:
            before.last = now
            before.least_s = min(before.least_s, rtt_s)
            return None
        known = next((one for one in self.earlier if one.octets == octets), None)
        least_s = rtt_s
        if known is not None:
            self.earlier.remove(known)
            least_s = min(rtt_s, known.least_s)
            if now - known.last < UNSTABLE_SECONDS:
                self.unstable_until = now + UNSTABLE_SECONDS
        self.earlier.insert(0, before)
        del self.earlier[EARLIER_INSTANCES:]
        self.current = Instance(octets, now, now, least_s)
        return before

    def snapshot(self, now: float) -> list[KeptInstance]:
        """The current one first."""
        return [
            KeptInstance(
                one.octets.hex(),
                round(now - one.since, 1),
                round(now - one.last, 1),
                round(one.least_s, 6),
            )
            for one in (self.current, *self.earlier)
        ]

    @classmethod
    def restored(cls, kept: Sequence[KeptInstance], *, away_s: float, now: float) -> Self | None:
        """Those of a snapshot of *away_s* seconds ago; None of an empty one.

        Raises ValueError where a name or a time is none.
        """
        found = [_restored(one, now - away_s) for one in kept[: 1 + EARLIER_INSTANCES]]
        if not found:
            return None
        instances = cls(found[0])
        instances.earlier = found[1:]
        return instances


def _restored(kept: KeptInstance, then: float) -> Instance:
    octets = bytes.fromhex(kept.octets)
    times = kept.since_s_ago, kept.last_s_ago, kept.least_s
    if not 0 < len(octets) <= NSID_OCTETS or not all(math.isfinite(one) for one in times):
        raise ValueError("an instance is none")
    since, last = then - max(kept.since_s_ago, 0.0), then - max(kept.last_s_ago, 0.0)
    return Instance(octets, since, last, max(kept.least_s, 0.0))


def said(message: Message) -> bytes:
    """What a reply says of its server, NSID_OCTETS of it; nothing where it says nothing."""
    edns = message.edns
    option = edns.option(OPT_NSID) if edns is not None and edns.options else None
    return option[:NSID_OCTETS] if option else b""


def text_of(octets: bytes) -> str:
    """For people and logs: no control character, and nothing that is not ASCII."""
    if all(_SPACE <= octet <= _TILDE for octet in octets):
        return octets.decode("ascii")
    return "0x" + octets.hex()
