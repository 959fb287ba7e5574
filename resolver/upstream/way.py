"""One way out: the public tree, a forward or a stub zone, and whether it is cut off. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resolver.errors import LinkDown
from resolver.model import Ede, Question
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.names import ROOT, to_text
from resolver.runtime.duration import duration
from resolver.upstream.neighbours import Neighbours
from resolver.upstream.reachability import Reachability
from resolver.upstream.server_state import owner_domain_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.errors import ExchangeFailed, ResolverError
    from resolver.model import Name, Server
    from resolver.upstream.neighbours import Witness


class Way:
    """*zone* is the forward or stub zone, None for the public tree.

    *servers* are its witnesses: the root's servers, or those that the operator named. They are
    asked *question*: their zone's NS set, or what a forwarder answered last and has at hand. In the
    public tree its *neighbours* are witnesses too, asked what they answered last. While
    *awaited* of them were asked and *refused* by the network, the verdict is due at *verdict_at*.
    *cut_since*: when an outage began that has not ended, else None; *whole_since*: when the last
    one ended, None before the first; *forged_at*: when somebody answered last in the place of one
    of *servers*. *missed*: one of those whom a question was for
    that nobody was asked in an outage: it may be at home, and no witness know of it; *misses*:
    how many such were asked.
    """

    __slots__ = ("asked_at", "awaited", "cut_since", "forged_at", "is_forward", "missed",
                 "misses", "neighbours", "owner_domain", "question", "reach", "refused", "servers",
                 "verdict_at", "whole_since", "zone")  # fmt: skip

    def __init__(
        self, zone: Name | None, servers: Iterable[Server] = (), *, is_forward: bool = False
    ) -> None:
        self.zone = zone
        self.owner_domain = owner_domain_of(zone or ROOT)
        self.is_forward = is_forward
        self.servers = tuple(servers)
        self.question = Question(zone or ROOT, RRType.NS)
        families = frozenset(server.is_ipv6 for server in self.servers)
        self.neighbours = Neighbours(far_s=math.inf if zone is None else -math.inf)
        self.reach = Reachability(families or frozenset({False, True}))
        self.asked_at = -math.inf
        self.verdict_at = -math.inf
        self.awaited = 0
        self.refused = 0
        self.cut_since: float | None = None
        self.whole_since: float | None = None
        self.forged_at = -math.inf
        self.missed: Witness | None = None
        self.misses = 0

    def __repr__(self) -> str:
        return f"<Way {self} {self.reach!r}>"

    def __str__(self) -> str:
        return "the public tree" if self.zone is None else f"the servers for {to_text(self.zone)}"

    @property
    def is_known_cut(self) -> bool:
        """In an outage: is it known by witnesses who answered before, who tell its end, too?

        Where nobody ever did, others than they may answer, and each question is tried. Before a
        restart counts.
        """
        has_answered = self.reach.last_answer > -math.inf or bool(self.neighbours)
        return bool(self.servers) and has_answered

    @property
    def is_untried(self) -> bool:
        """Nobody answered since a restart, and it is known who did before: who is late is doubted.

        Else a start into a cut finds out by its clients' questions, one after the other.
        """
        return bool(self.neighbours) and self.reach.last_answer == -math.inf

    def is_cut(self, now: float) -> bool:
        """Nobody answers, or no route leads anywhere."""
        return self.reach.is_out or self.reach.has_no_route(now)

    def blame(self, failed: ExchangeFailed, now: float) -> ResolverError:
        """*failed* as it is, or as our own link's fault."""
        if not self.is_cut(now):
            return failed
        text = self._sentence(now)
        ede = [one for one in failed.ede if one.code != EdeCode.NETWORK_ERROR]
        return LinkDown(f"{text}: {failed}", ede=(*ede, Ede(EdeCode.NETWORK_ERROR, text)))

    def refusal(self, zone: Name, now: float) -> LinkDown:
        """The error of who asks servers of *zone* during an outage: nobody is asked."""
        text = self._sentence(now)
        cut = f"at delegation {to_text(zone)}"
        ede = Ede(EdeCode.NO_REACHABLE_AUTHORITY, cut), Ede(EdeCode.NETWORK_ERROR, text)
        return LinkDown(text, ede=ede)

    def _sentence(self, now: float) -> str:
        """What is wrong, and since when."""
        if not self.reach.is_out:
            return f"no route: {self}"
        last = self.reach.last_answer
        if last == -math.inf and self.cut_since is not None:
            last = self.cut_since
        for_long = "" if last == -math.inf else f" for {duration(now - last)}"
        return f"nobody answers{for_long}: {self}"
