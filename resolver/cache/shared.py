"""What machines share: its names, its checksums and its time, for all configurations of a process.

A record lies in Valkey or Redis under a key that says of which name and type it is, in words. It is
sealed as on disk (`record`), with a key of its own, made of the secret that the machines share and
of that name: what somebody else has put there, has changed, cut short or put under another name is
not believed, and counted.

No machine believes another's clock. A record says when it was kept by its writer's wall clock and
by the clock of Redis, which all of them can see (`SharedTimes`): it is as old as the older of both
says. So a TTL may end too soon where somebody's clock is wrong, but not too late; it would take a
clock of ours that is wrong and a Redis that lies about the time.
Pure; who talks to Redis is `daemon.shared_cache`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from resolver.cache import record
from resolver.cache.negative import ANY_TYPE
from resolver.cache.store import CUT
from resolver.limits import SHARED_AHEAD_SECONDS, SHARED_VALUE_OCTETS
from resolver.protocol import names
from resolver.protocol.codes import type_text

if TYPE_CHECKING:
    from resolver.cache.record import Sealed, Stamp
    from resolver.cache.store import Clock
    from resolver.model import Name

_KEY_OCTETS: Final = 32
_CLASS: Final = b" IN"  # no other class is kept
_WORDS: Final = {ANY_TYPE: "NXDOMAIN", CUT: "DELEGATION"}


class SharedTimes(NamedTuple):
    """Now: on `Clock.now()`'s scale, by our wall clock and by that of Redis (*there*).

    *stale_s*: how long something expired is of use.
    """

    now: float
    wall: float
    there: float
    stale_s: float

    def expires_at(self, stamp: Stamp) -> float | None:
        """When what was kept at *stamp* expires or did; None: too old, or nobody can tell."""
        return self.ends_at(*stamp)

    def ends_at(self, boot: int, wall: float, there: float, left_s: float) -> float | None:  # noqa: ARG002
        """The same of a stamp's fields; the third is the time by Redis."""
        if self.there - there < -SHARED_AHEAD_SECONDS:
            return None  # of the future: its clock, or the record, is not what it was
        ends_at = self.now + left_s - max(self.there - there, self.wall - wall, 0.0)
        return None if ends_at < self.now - self.stale_s else ends_at


class Shared:
    """*secret*: what all the machines have. *prefix*: of all keys. *stale_s*: as in `store.Store`.

    *offset_s*: the clock of Redis less `Clock.now()`; None while nobody knows.
    """

    COUNTS: ClassVar = {
        "gets": "Questions that were looked up in Valkey.",
        "hits": "Questions of which Valkey had a record that counts.",
        "skipped": "Questions not looked up, for too many were on their way.",
        "timeouts": "Questions for which Valkey had no reply in time.",
        "failures": "Requests to Valkey that failed, or were refused.",
        "wrong": "Values in Valkey whose checksum or form was wrong.",
        "written": "Records sent to Valkey.",
        "refused": "Records that Valkey would not take.",
        "dropped": "Records not sent, for too many waited, or they were too large.",
    }

    def __init__(
        self,
        secret: bytes,
        clock: Clock,
        *,
        prefix: str,
        stale_s: float,
    ) -> None:
        self.key = blake2b(secret, digest_size=_KEY_OCTETS, person=b"resolver shared").digest()
        self.prefix = prefix.encode()
        self.stale_s = stale_s
        self.used: dict[int, int] = {}
        self.offset_s: float | None = None
        self.gets = self.hits = self.skipped = self.timeouts = self.failures = self.wrong = 0
        self.written = self.refused = self.dropped = 0
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Shared {self.prefix!r}>"

    def now(self) -> float:
        return self._clock.now()

    def name_of(self, name: Name, rtype: int) -> bytes:
        """Under which key a record lies. What is of one name lies in one place of a cluster."""
        (key,) = self.names_of(name, (rtype,))
        return key

    def names_of(self, name: Name, rtypes: tuple[int, ...]) -> list[bytes]:
        """The same for each of *rtypes*."""
        head = b"%b{%b}" % (self.prefix, names.to_text(name).encode())
        return [head + (_WORDS.get(rtype) or type_text(rtype)).encode() for rtype in rtypes]

    def whose_untrusted(self, key: object) -> Name | None:
        """The name that a *key* of ours is of; None of what is none."""
        start = len(self.prefix) + 1
        if not isinstance(key, bytes) or not key.startswith(self.prefix + b"{"):
            return None
        try:
            return names.from_text(key[start : key.rindex(b"}")].decode("ascii")).lower()
        except ValueError:
            return None

    def sealing(self, key: bytes) -> bytes:
        """With what the record at *key* is sealed."""
        return blake2b(key + _CLASS, digest_size=_KEY_OCTETS, key=self.key).digest()

    def times(self, now: float) -> SharedTimes | None:
        """*now*, with what the other clocks say; None while nobody knows that of Redis."""
        if self.offset_s is None:
            return None
        there = now + self.offset_s
        return SharedTimes(now, self._clock.wall(), there, self.stale_s)

    def open_untrusted(self, octets: object, key: bytes | None = None) -> Sealed | None:
        """What was sealed with *key*; None, counted, if that is not it."""
        key = self.key if key is None else key
        return record.opened_untrusted(octets, key, self.note_damage, SHARED_VALUE_OCTETS)

    def note_damage(self, why: object) -> None:  # noqa: ARG002  # the number tells: others may lie
        """A value is not believed."""
        self.wrong += 1
