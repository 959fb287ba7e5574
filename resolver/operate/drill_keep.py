"""Which servers go on answering in a drill: those that are near, of some prefixes, or that did."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from resolver.geo.distance import Distances
from resolver.operate import geography
from resolver.operate.verb import Misused, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.geo.distance import Measured, PartialOutage
    from resolver.operate.view import Parts


class Kept(NamedTuple):
    """*hosts*: measured, and kept; *prefixes*: all in them are kept besides. *how*: in words."""

    hosts: list[str]
    prefixes: list[str]
    measured: list[str]
    how: str


def kept_of(
    parts: Parts, others: Sequence[Measured] = (), *,
    far_ms: float = 0.0, keep_only: Sequence[str] = (), as_outage: str = "",
) -> Kept:  # fmt: skip
    """Of the servers that this worker has measured, or one of the *others*. By at most one of the
    three; without any of them by what `geography` knows of distances.

    Raises Refused.
    """
    if (far_ms > 0) + bool(keep_only) + bool(as_outage) > 1:
        raise Misused("one of far_ms, keep_only and as_outage, not several")
    found = geography.joined(geography.measured(parts), others)
    measured = [one.host for one in found]
    if keep_only:
        prefixes = [_prefix(text) for text in keep_only]
        return Kept([], prefixes, measured, f"only {', '.join(prefixes)} would answer")
    if as_outage:
        outage = _outage(geography.outages(parts), as_outage)
        hosts = [host for host in measured if host not in outage.silent]
        when = _when(outage.began)
        return Kept(hosts, [], measured, f"as on {when}: {len(outage.silent)} servers are silent")
    by = Distances.of(found, far_ms=far_ms) if far_ms > 0 else geography.distances(parts, found)
    hosts = [one.host for one in found if not by.is_far(one.rtt_ms, one.host)]
    how = f"{len(hosts)} of {len(found)} measured servers are nearer than {by.link_ms:.0f} ms"
    return Kept(hosts, [], measured, f"{how} ({'given' if far_ms > 0 else by.link_from})")


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise Misused(f"{text[:64]!r} is no prefix such as 192.0.2.0/24: {error}") from None


def _outage(recorded: Sequence[PartialOutage], text: str) -> PartialOutage:
    """The last that began at the time *text*, as much of it as is given."""
    if not recorded:
        raise Refused("no partial outage is recorded")
    found = [one for one in recorded if _when(one.began).startswith(text.replace("T", " ").strip())]
    if not found:
        known = ", ".join(_when(one.began) for one in recorded[-8:])
        raise Refused(f"no partial outage began at {text[:32]!r}; recorded: {known}")
    return found[-1]


def _when(wall: float) -> str:
    return f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M}Z"
