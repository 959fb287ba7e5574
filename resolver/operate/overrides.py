"""What an operator decided while the process runs, in the place of what the configuration says.

Negative trust anchors with an end, whether what is over may be told, names to be kept warm, names
that are let through or blocked for a while, a pause of all blocking. A reload does not change it,
nor does a restart where there is a `working_directory`. The first worker writes it there, all read
it. What is read back is untrusted: a file that is damaged is told and set aside, and what is over
by now counts no more.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.errors import WireError
from resolver.limits import LIST_ALLOWED, NEGATIVE_ANCHORS, WARM_BY_HAND
from resolver.model import Question
from resolver.protocol.shapes import plain_name_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.config.schema import Config
    from resolver.model import Name

_TYPES: Final = range(1, 1 << 16)


class Stale(enum.Enum):
    """May what is over be told? AUTO: as it is configured; NOW: at once, as in an outage."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"
    NOW = "now"


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """As it lies on disk. *negative*: names, and Unix times until which they count."""

    negative: list[tuple[bytes, float]] = []
    stale: Stale = Stale.AUTO
    warm: list[tuple[bytes, int]] = []
    allowed: list[tuple[bytes, float]] = []
    blocked: list[tuple[bytes, float]] = []
    paused_until: float = 0.0


class Overrides:
    """*negative*: until when, in Unix seconds, nothing is validated at and below a name. *wake* is
    called when that has changed. *allowed*, *blocked*: the same of names that lists do not block,
    or that are blocked, with all below them; *paused_until*: nothing is blocked before that."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.negative: dict[Name, float] = {}
        self.stale = Stale.AUTO
        self.warm: dict[Question, None] = {}
        self.allowed: dict[Name, float] = {}
        self.blocked: dict[Name, float] = {}
        self.paused_until = 0.0

    def __repr__(self) -> str:
        return f"<Overrides {len(self.negative)} negative anchors, stale {self.stale.value}>"

    def serves_stale(self, config: Config) -> bool:
        """May what is over be told?"""
        if self.stale is Stale.AUTO:
            return config.resolution.serve_stale
        return self.stale is not Stale.OFF

    def octets(self) -> bytes:
        """As it goes to disk."""
        warm = [(asked.qname, asked.qtype) for asked in self.warm]
        negative, allowed, blocked = (
            list(found.items()) for found in (self.negative, self.allowed, self.blocked)
        )
        kept = _Kept(negative, self.stale, warm, allowed, blocked, self.paused_until)
        return msgspec.json.encode(kept)

    def take_back_untrusted(self, octets: bytes) -> None:
        """Go by what was kept; what is over by now ends itself. Raises WireError only."""
        try:
            kept = msgspec.json.decode(octets, type=_Kept)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise WireError(str(error)) from None
        _check(kept)
        self.negative = dict(kept.negative)
        self.stale = kept.stale
        self.warm = {Question(name, rtype): None for name, rtype in kept.warm}
        self.allowed, self.blocked = dict(kept.allowed), dict(kept.blocked)
        self.paused_until = kept.paused_until


def _check(kept: _Kept) -> None:
    if len(kept.negative) > NEGATIVE_ANCHORS or len(kept.warm) > WARM_BY_HAND:
        raise WireError("it has more entries than there may be")
    if len(kept.allowed) > LIST_ALLOWED or len(kept.blocked) > LIST_ALLOWED:
        raise WireError("it has more entries than there may be")
    ending = (*kept.negative, *kept.allowed, *kept.blocked)
    _check_names(name for name, _ in (*ending, *kept.warm))
    if not all(math.isfinite(until) for until in (kept.paused_until, *(at for _, at in ending))):
        raise WireError("a time is none")
    if not all(rtype in _TYPES for _, rtype in kept.warm):
        raise WireError("a type is none")


def _check_names(found: Iterable[bytes]) -> None:
    for name in found:
        if plain_name_end(name, 0, len(name)) != len(name) or name.lower() != name:
            raise WireError("a name is none")
