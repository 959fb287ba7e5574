"""The nearest servers of the public tree that answer: witnesses for what is on our side of a cut.

Where all international links are cut, the root's servers are silent and a country's own servers
answer: that is no outage, and names that are served there must not wait for its end. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import OUTAGE_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.model import Name, Question, Server
    from resolver.upstream.server_state import ServerState


class Witness(NamedTuple):
    """Who is asked what to find out whether anybody answers; *owner_domain*: whose zone it is."""

    server: Server
    state: ServerState
    question: Question
    owner_domain: Name


class Neighbours:
    """One server a prefix, with the question that it answered last. *far_s* below 0: none is.

    Most answers cost one comparison: with *far_s*, from which on a server is no neighbour.
    """

    __slots__ = ("_by_prefix", "far_s")

    def __init__(self, *, far_s: float = math.inf) -> None:
        self._by_prefix: dict[str, Witness] = {}
        self.far_s = far_s

    def __repr__(self) -> str:
        return f"<Neighbours {len(self._by_prefix)} nearer than {self.far_s:.3f} s>"

    def __iter__(self) -> Iterator[Witness]:
        return iter(sorted(self._by_prefix.values(), key=_srtt))

    def note(self, witness: Witness) -> None:
        """A server nearer than *far_s* has answered."""
        prefix = witness.state.prefix
        kept = self._by_prefix.get(prefix)
        self._by_prefix[prefix] = witness
        if kept is not None and kept.state is witness.state:
            return
        if len(self._by_prefix) > OUTAGE_NEIGHBOURS:
            del self._by_prefix[max(self._by_prefix.values(), key=_srtt).state.prefix]
        self._settle()

    def forget_silent(self) -> None:
        """Somebody answers, but not they."""
        kept = self._by_prefix.items()
        if not any(one.state.fails for _, one in kept):
            return
        self._by_prefix = {prefix: one for prefix, one in kept if not one.state.fails}
        self._settle()

    def _settle(self) -> None:
        is_full = len(self._by_prefix) >= OUTAGE_NEIGHBOURS
        self.far_s = max(map(_srtt, self._by_prefix.values())) if is_full else math.inf


def _srtt(witness: Witness) -> float:
    return witness.state.srtt
