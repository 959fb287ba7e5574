"""Encryption with the servers of zones, where they have it: RFC 9539, and no more of it than pays.

Nobody says that a zone's server speaks TLS, so it is tried: a server that is asked often is
connected to on port 853, in the background, whoever answers there. If that works its questions go
there; at the first failure they go in clear text again, and it is not tried for a day. Nothing is
proven by it, so nothing is believed for it: neither AD nor a cache knows. What works is bound to an
address, not to a zone. Where this is off it is not loaded, and nothing on the path looks for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.limits import (
    OPPORTUNISTIC_DAMPING_SECONDS,
    OPPORTUNISTIC_PERSISTENCE_SECONDS,
    OPPORTUNISTIC_PROBES,
    OPPORTUNISTIC_SECONDS,
    OPPORTUNISTIC_SERVERS,
    OPPORTUNISTIC_SESSIONS,
    OPPORTUNISTIC_USES,
    OPPORTUNISTIC_USES_SECONDS,
)
from resolver.model import Server
from resolver.protocol.transport import Transport
from resolver.upstream import tls_terms
from resolver.upstream.filters import ANSWERED, DNS_PORT, over_tls
from resolver.upstream.opportunity import KeptOpportunity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.upstream.opportunity import OpportunisticCounters
    from resolver.upstream.server_events import Tried
    from resolver.upstream.shared_knowledge import SharedKnowledge
    from resolver.upstream.tls_terms import Terms

    Learn = Callable[[Server, Terms | None], None]
    TryOut = Callable[[Server, float, Callable[[str], None]], None]


class _Uses(NamedTuple):
    since: float
    times: int


class Opportunist:
    """Which servers are asked over TLS. *learn*: on which terms, or no longer; *try_out*: see

    `encrypted.Encrypted.try_out`. Bounded in servers that are remembered, asked, and tried.
    """

    def __init__(
        self,
        shared: SharedKnowledge,
        counters: OpportunisticCounters,
        *,
        learn: Learn,
        try_out: TryOut,
    ) -> None:
        self.counters = counters
        self._shared = shared
        self._learn = learn
        self._try_out = try_out
        self._terms = tls_terms.believing_anybody()
        self._works: dict[str, float] = {}  # when it did last
        self._fails: dict[str, float] = {}
        self._uses: dict[str, _Uses] = {}
        self._trying: set[str] = set()
        shared.listeners.append(self.note)

    def __repr__(self) -> str:
        return f"<Opportunist {len(self._works)} over TLS, {len(self._trying)} being tried>"

    def __len__(self) -> int:
        """Servers that are asked over TLS."""
        return len(self._works)

    def end(self) -> None:
        """Clear text from the next query on."""
        self._shared.listeners.remove(self.note)
        self.forget()

    def forget(self) -> None:
        """Clear text from the next query on, and nobody was tried yet."""
        for host in self._works:
            self._learn(_at(host), None)
        for known in (self._works, self._fails, self._uses):
            known.clear()
        self.take_effect()

    def take_effect(self) -> None:
        """Have choices among servers go by what is known."""
        shared = self._shared
        configured = shared.filters.configured
        shared.filters = shared.filters.asking_over_tls(self._works.keys() - configured)

    # --- what is seen ------------------------------------------------------------------------

    def note(self, tried: Tried) -> None:
        """Something came of a packet, or nothing."""
        server, now = tried.server, trio.current_time()
        host = server.host
        if server.transport is Transport.TLS:
            if host not in self._works:
                return
            if _was_answered(tried):
                self._works[host] = now
            else:
                self._give_up(server, now)
        elif server.port == DNS_PORT and _was_answered(tried):
            if host not in self._works:
                self._use(server, now)
            elif self._shared.infra.state(over_tls(server)).fails:  # late, and then lost
                self._give_up(server, now)

    def _use(self, server: Server, now: float) -> None:
        host = server.host
        since, times = self._uses.pop(host, _Uses(now, 0))
        if now - since > OPPORTUNISTIC_USES_SECONDS:
            since, times = now, 0
        self._uses[host] = _Uses(since, times + 1)
        if len(self._uses) > OPPORTUNISTIC_SERVERS:
            del self._uses[next(iter(self._uses))]
        if times + 1 >= OPPORTUNISTIC_USES and self._may_try(host, now):
            self._trying.add(host)
            self.counters.probes += 1
            twin = over_tls(server)
            self._learn(twin, tls_terms.Terms(self._terms, tls_terms.name_to_prove(twin)))
            self._try_out(twin, OPPORTUNISTIC_SECONDS, lambda wrong: self._tried(server, wrong))

    def _may_try(self, host: str, now: float) -> bool:
        failed_at = self._fails.get(host, -math.inf)
        return (
            now - failed_at >= OPPORTUNISTIC_DAMPING_SECONDS
            and len(self._trying) < OPPORTUNISTIC_PROBES
            and len(self._works) < OPPORTUNISTIC_SESSIONS
            and host not in self._trying
            and host not in self._shared.filters.configured
        )

    def _tried(self, server: Server, wrong: str) -> None:
        """*wrong*: why there is no session; "" if there is one."""
        host, now, infra = server.host, trio.current_time(), self._shared.infra
        self._trying.discard(host)
        self._uses.pop(host, None)
        if wrong:
            self._fail(server, now)
            return
        self.counters.successes += 1
        self._fails.pop(host, None)
        self._works[host] = now
        clear, twin = infra.state(server), infra.state(over_tls(server))
        twin.note_alive(now)
        if clear.n and not twin.n:  # one machine, one way there
            infra.note_answer(twin, clear.srtt, now)
        self.take_effect()

    def _give_up(self, server: Server, now: float) -> None:
        self.counters.failures += 1
        del self._works[server.host]
        self._fail(server, now)
        self.take_effect()

    def _fail(self, server: Server, now: float) -> None:
        self._learn(over_tls(server), None)
        self._fails.pop(server.host, None)
        self._fails[server.host] = now
        if len(self._fails) > OPPORTUNISTIC_SERVERS:
            del self._fails[next(iter(self._fails))]

    # --- over a restart ----------------------------------------------------------------------

    def snapshot(self, now: float) -> list[KeptOpportunity]:
        """What is worth keeping, the latest first."""
        kept = [
            KeptOpportunity(host, works=True, age_s=now - at) for host, at in self._works.items()
        ]
        kept += [
            KeptOpportunity(host, works=False, age_s=now - at) for host, at in self._fails.items()
        ]
        return sorted(kept, key=lambda one: one.age_s)

    def restore(self, kept: Iterable[KeptOpportunity], *, away_s: float, now: float) -> None:
        """Take a snapshot of *away_s* seconds ago: what worked is asked so again, for a while."""
        for host, works, age_s in kept:
            passed_s = max(age_s, 0.0) + away_s
            if works and passed_s < OPPORTUNISTIC_PERSISTENCE_SECONDS:
                if len(self._works) < OPPORTUNISTIC_SESSIONS:
                    twin = _at(host)
                    name = tls_terms.name_to_prove(twin)
                    self._learn(twin, tls_terms.Terms(self._terms, name))
                    self._works[host] = now - passed_s
            elif not works and len(self._fails) < OPPORTUNISTIC_SERVERS:
                self._fails[host] = now - passed_s
        self.take_effect()


def _at(host: str) -> Server:
    return over_tls(Server(host))


def _was_answered(tried: Tried) -> bool:
    """By DNS, whatever it said: not by silence, by the network, or with rubbish."""
    outcome = tried.outcome
    return outcome in ANSWERED or outcome.startswith("rcode ")
