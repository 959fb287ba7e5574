"""6 is it true: zones whose status is established, so that a chain is built once per TTL.

A bounded LRU of apex → `ZoneTrust`. It holds secure zones with their keys, zones proven insecure,
and briefly those found bogus. A change of anchors empties it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.model import Status
from resolver.protocol import names

if TYPE_CHECKING:
    from resolver.dnssec.flaws import Flaw
    from resolver.dnssec.keys import ZoneKey
    from resolver.model import Name


class ZoneTrust(NamedTuple):
    """Status of the zone with apex *zone*; *keys* if it is secure, *flaw* if something is wrong."""

    zone: Name
    status: Status
    keys: tuple[ZoneKey, ...] = ()
    expires_at: float = 0.0
    flaw: Flaw | None = None


class KeyStore:
    """What is established about zones, until it expires."""

    def __init__(self, entries: int = limits.TRUSTED_ZONES) -> None:
        self._zones: OrderedDict[Name, ZoneTrust] = OrderedDict()  # in order of use
        self._most = entries
        self._generation = 0

    def __len__(self) -> int:
        return len(self._zones)

    def __repr__(self) -> str:
        return f"<KeyStore of {len(self._zones)} zones>"

    def at_generation(self, generation: int) -> None:
        """Forget everything if the anchors changed since."""
        if generation != self._generation:
            self._zones.clear()
            self._generation = generation

    def get(self, zone: Name, now: float) -> ZoneTrust | None:
        found = self._zones.get(zone)
        if found is None or found.expires_at <= now:
            return None
        self._zones.move_to_end(zone)
        return found

    def peek(self, zone: Name) -> ZoneTrust | None:
        """As `get`, though its time be over."""
        return self._zones.get(zone)

    def closest(self, name: Name, anchor: Name, now: float) -> ZoneTrust | None:
        """The deepest zone known at or above *name*, not above *anchor*."""
        found = self.get(name, now)
        while found is None and name not in (anchor, names.ROOT):
            name = names.parent(name)
            found = self.get(name, now)
        return found

    def put(self, trust: ZoneTrust) -> None:
        self._zones[trust.zone] = trust
        self._zones.move_to_end(trust.zone)
        if len(self._zones) > self._most:
            self._zones.popitem(last=False)

    def take_over(self, old: KeyStore) -> None:
        """Have all that *old* has established; it goes on with nothing."""
        self._zones, old._zones = old._zones, self._zones
        self._generation = old._generation

    def all(self) -> list[ZoneTrust]:
        """What is established, though its time be over."""
        return list(self._zones.values())

    def forget_bogus(self) -> None:
        """The clock was set: what had ended, or had not begun, may well be in force."""
        for name in [name for name, trust in self._zones.items() if trust.status is Status.BOGUS]:
            del self._zones[name]

    def forget(self, zone: Name) -> None:
        """Drop *zone* and all below it (flush; a bogus link that is to be tried afresh)."""
        for name in [known for known in self._zones if names.is_subdomain(known, zone)]:
            del self._zones[name]
