"""Which instance of a server answers, how far it is and where: what reports say of each address.

Made anew for each report, of what the daemon knows at that moment; no packet is sent. What servers
say of themselves is shown as text, and believed of nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

import trio

from resolver.geo.agree import Agreement, Claim
from resolver.geo.codes import AIRPORTS
from resolver.geo.distance import FAR, LOCAL, REGIONAL, Distances, Measured
from resolver.geo.place import place_of
from resolver.limits import CLAIMS_READ, DISTANCES_READ
from resolver.protocol import names
from resolver.runtime.hop import hop
from resolver.telemetry.events import Asked
from resolver.upstream.instance import text_of
from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resolver.delegation import Key
    from resolver.geo.codes import Place
    from resolver.geo.distance import PartialOutage
    from resolver.operate.server_rows import Row
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts
    from resolver.runtime.clock import Clock
    from resolver.upstream.instance import Instance
    from resolver.upstream.server_state import ServerState


_ROOT_AND_LENGTH: Final = 2  # octets of a name of one label beside its letters


def measured(parts: Parts, *, most: int | None = None) -> list[Measured]:
    """All addresses with a round trip of this run or an earlier one; *most*: a fair part."""
    return [one for state in _states(parts, most) if (one := _measured(state)) is not None]


def _states(parts: Parts, most: int | None) -> Iterator[ServerState]:
    """All, or every n-th, so that there are *most* of them."""
    states = parts.infra.states
    stride = 1 if most is None else max(1, math.ceil(len(states) / most))
    return islice(states.values(), None, None, stride)


def _measured(state: ServerState) -> Measured | None:
    rtt_ms = _rtt_ms(state)
    if not rtt_ms:
        return None
    return Measured(state.key[0], rtt_ms, state.n or 1, 1000 * state.var)


def outages(parts: Parts) -> list[PartialOutage]:
    """The partial outages that are remembered, the newest last."""
    return list(parts.dispatcher.shared.experiments.kept)


def joined(found: list[Measured], others: Iterable[Measured]) -> list[Measured]:
    """Each address once, as it is to whom of the workers it is nearest."""
    nearest = {one.host: one for one in found}
    for one in others:
        known = nearest.get(one.host)
        if known is None or one.rtt_ms < known.rtt_ms:
            nearest[one.host] = one
    return list(nearest.values())


def distances(parts: Parts, found: list[Measured] | None = None) -> Distances:
    """What the round trips *found* say, or those to all servers, as configured and as outages have
    shown."""
    found = measured(parts) if found is None else found
    return Distances.of(found, far_ms=parts.config.geo.far_ms, outages=outages(parts))


class Geography:
    """Of one report."""

    def __init__(self, parts: Parts, others: Sequence[Measured] = ()) -> None:
        """*others*: what other workers have measured."""
        self._parts = parts
        self._measured = joined(measured(parts, most=DISTANCES_READ), others)
        self.distances = distances(parts, self._measured)
        self.nameservers = _nameservers(parts)
        self._agreement = Agreement(self._claims())
        if AIRPORTS.are_missed:
            AIRPORTS.are_missed = False
            trio.lowlevel.spawn_system_task(_read_airports, parts.clock)

    def _claims(self) -> list[Claim]:
        """What the nearest say: theirs are the tightest."""
        read = _states(self._parts, DISTANCES_READ)
        found = [state for state in read if state.watch.instances is not None]
        found.sort(key=lambda state: state.watch.least_s)
        claims = (self._claim(state) for state in found[:CLAIMS_READ])
        return [claim for claim in claims if claim is not None]

    def _claim(self, state: ServerState, nameserver: str = "") -> Claim | None:
        instances = state.watch.instances
        if instances is None:
            return None
        least_s = min(state.watch.least_s, instances.current.least_s)  # the latter of any run
        place = self._place(instances.current, state.key[0], nameserver)
        return None if place is None else Claim(self.distances.bound_km(1000 * least_s), place)

    def _place(self, instance: Instance, host: str, nameserver: str) -> Place | None:
        return _placed(instance.octets, nameserver or self.nameservers.get(host, ""), host)

    def about(self, state: ServerState | None, now: float, nameserver: str = "") -> Row:
        """What is added to the row of an address: nothing of what is not known."""
        if state is None or not _rtt_ms(state):
            return {}
        host, least_s = state.key[0], state.watch.least_s
        row: Row = {"distance": self.distances.word(_rtt_ms(state), host)}
        if least_s < math.inf:
            row["least_rtt_ms"] = round(1000 * least_s, 2)
            row["bound_km"] = self.distances.bound_km(1000 * least_s)
        instances = state.watch.instances
        if instances is not None:
            row["instance"] = instances.current.text
            row["instance_since_s"] = round(now - instances.current.since, 1)
            if instances.is_unstable(now):
                row["unstable"] = True
            place = self._place(instances.current, host, nameserver)
            if place is not None:
                least_s = min(least_s, instances.current.least_s)
                row["place"] = self._claimed(place, self._claim(state, nameserver), least_s)
        return row

    def _claimed(self, place: Place, claim: Claim | None, least_s: float) -> Reply:
        fits = claim is None or self._agreement.allows(claim)
        said = f"{place.city}?" if fits else f"says {place.code}, but {_ms(least_s)} from you"
        if claim is not None and not fits and not self._agreement.denies(claim):
            said = f"says {place.code}, which another one denies"
        return {
            "code": place.code, "city": place.city, "country": place.country,
            "fits": fits, "text": said,
        }  # fmt: skip

    def step(self, step: object) -> Row:
        """What is added to a step of a trace."""
        if not isinstance(step, Asked | Tried):
            return {}
        state = self._parts.infra.states.get(step.server.key)
        return self.about(state, trio.current_time(), names.to_text(step.server.nameserver))

    def earlier(self, key: Key, state: ServerState, now: float, nameserver: str = "") -> list[Row]:
        """The instances before the current one, the last first."""
        instances = state.watch.instances
        rows: list[Row] = []
        for one in instances.earlier if instances is not None else ():
            place = self._place(one, key[0], nameserver)
            rows.append(
                {
                    "instance": one.text,
                    "place": None if place is None else place.city,
                    "since_s": round(now - one.since, 1),
                    "last_s_ago": round(now - one.last, 1),
                    "least_rtt_ms": round(1000 * one.least_s, 2),
                }
            )
        return rows

    def summary(self) -> Reply:
        """Of all servers: for `status`, and above lists."""
        distances = self.distances
        words = Counter(distances.word(one.rtt_ms, one.host) for one in self._measured)
        return {
            "access_ms": round(distances.access_ms, 2),
            "link_ms": round(distances.link_ms, 2),
            "link_from": distances.link_from,
            "looks_like": distances.looks_like,
            "sentence": distances.sentence,
            "measured": words.total(),
            "local": words[LOCAL],
            "regional": words[REGIONAL],
            "far": words[FAR],
            "outages": len(outages(self._parts)),
        }


def _nameservers(parts: Parts) -> dict[str, str]:
    """Names of the servers of the root, of top-level zones and of those that are configured.

    Not of others: whose servers are known tells what clients ask for.
    """
    tops = [
        cut.delegation
        for zone, cut in parts.delegations.entries.items()
        if len(zone) == zone[0] + _ROOT_AND_LENGTH
    ]
    cuts = parts.hints, *parts.fixed.values(), *tops
    return {
        server.host: names.to_text(server.nameserver) for cut in cuts for server in cut.servers()
    }


def _rtt_ms(state: ServerState) -> float:
    """The least of this run, else what is remembered of an earlier one; 0: nothing."""
    least_s = state.watch.least_s
    return 1000 * (least_s if least_s < math.inf else state.expected_rtt_s)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f} ms"  # noqa: PLR2004


async def _read_airports(clock: Clock) -> None:
    """For the next report: this one does without."""
    await hop(clock, AIRPORTS.read)
    _placed.cache_clear()


@lru_cache(maxsize=CLAIMS_READ)
def _placed(octets: bytes, nameserver: str, host: str) -> Place | None:
    return place_of(text_of(octets), nameserver, host)
