"""How long those who serve a zone have been silent, from what is known of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Delegation, Name
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_state import ServerState

_TRIES = 2


class Silence:
    """*cut_of* gives the delegation of a zone, though it be over, *closest* the one that lasts and
    by which it is asked for; *has_no_route*: does the kernel say so of all servers of a delegation?
    *now* is trio's time."""

    def __init__(
        self,
        cut_of: Callable[[Name], Delegation | None],
        closest: Callable[[Name], Delegation],
        infra: Infra,
        has_no_route: Callable[[Delegation], bool],
        now: Callable[[], float],
    ) -> None:
        self._cut_of = cut_of
        self._closest = closest
        self._infra = infra
        self._has_no_route = has_no_route
        self._now = now

    def silent_s(self, zone: Name) -> float | None:
        """Seconds since one of them answered anything; None: none did, as far as is known."""
        last = max((state.t_ok for state in self._states(self._cut_of(zone))), default=-math.inf)
        return None if last == -math.inf else self._now() - last

    def asked(self, zone: Name) -> Name:
        """Whose servers are asked for *zone*: its own; once its delegation is over, those above it
        that must give it anew."""
        return self._closest(zone).zone

    def are_silent(self, zone: Name) -> bool:
        """Did none of those who are asked for it answer the last two tries?"""
        states = self._states(self._closest(zone))
        tried = [state for state in states if state.n or state.fails]
        return bool(tried) and all(state.fails >= _TRIES or state.is_unreachable for state in tried)

    def are_cut_off(self, zone: Name) -> bool:
        """Is there no route to any of those who are asked for it, as of a moment ago?"""
        return self._has_no_route(self._closest(zone))

    def _states(self, cut: Delegation | None) -> list[ServerState]:
        servers = () if cut is None else cut.servers()
        known = (self._infra.states.get(server.key) for server in servers)
        return [state for state in known if state is not None]
