"""Who tells what is over, as the configuration has it, and what an outage means for that.

While an outage lasts, answers that are over may be kept as octets; when it has ended they are
forgotten and renewed, the last told first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from resolver.iterate.silence import Silence
from resolver.limits import STALE_RENEWALS_AT_ONCE
from resolver.model import Question
from resolver.operate.overrides import Stale as When
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import group
from resolver.protocol.names import ROOT
from resolver.recurse.early import EarlyAnswers
from resolver.recurse.stale import Stale, StaleRules
from resolver.upstream.outage_hooks import OutageHooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.cache.delegation import DelegationCache
    from resolver.config.schema import Config
    from resolver.iterate.walk import Walker
    from resolver.model import Answer, Query
    from resolver.operate.overrides import Overrides
    from resolver.protocol.message import Message
    from resolver.recurse.known import Known
    from resolver.recurse.resolver import Resolver
    from resolver.reply import Replies
    from resolver.runtime.clock import Clock
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.infra import Infra
    from resolver.upstream.link_profile import LinkProfile


def stale_of(
    config: Config,
    clock: Clock,
    infra: Infra,
    memory: Known,
    delegations: DelegationCache,
    walker: Walker,
    dispatcher: Dispatcher,
    *,
    overrides: Overrides,
) -> Stale | None:
    """Who finds what may be told though it is over; None if nothing may be."""
    if not overrides.serves_stale(config):
        return None
    rules = StaleRules(
        config.resolution.stale_ttl,
        config.cache.stale_max,
        frozenset(map(names.from_text, config.resolution.stale_never)),
        past_signatures=config.dnssec.serve_expired_signatures,
    )
    servers = Silence(
        walker.cut_of,
        lambda zone: walker.closest(Question(zone, RRType.NS)),
        infra,
        lambda cut: dispatcher.ways.of(cut).reach.has_no_route(trio.current_time()),
        trio.current_time,
    )
    stale = Stale(memory, delegations, servers, rules, clock=clock)
    if overrides.stale is When.NOW:
        stale.tell_at_once()
    memory.on_nxdomain = stale.end_leases
    return stale


def stale_seconds(config: Config, overrides: Overrides) -> float:
    """How long what is over may be told."""
    return config.cache.stale_max if overrides.serves_stale(config) else 0


def early_of(
    config: Config, resolver: Resolver, link: LinkProfile, spawn: Callable[..., None]
) -> EarlyAnswers | None:
    """What is told those who have waited for long, if anything is."""
    if resolver.stale is None:
        return None

    def answer(query: Query) -> Answer | None:
        if not query.view.tells_stale:
            return None
        return resolver.meanwhile(query.question, checking=not query.message.cd)

    return EarlyAnswers(
        answer,
        after_s=partial(link.stale_after_s, config.resolution.stale_after),
        spawn=spawn,
    )


_LOOK_SECONDS = 0.05  # between two looks at how many renewals are on their way


class Outages:
    """Follows the outages of all ways out, for the parts of one configuration."""

    def __init__(self, resolver: Resolver, replies: Replies, spawn: Callable[..., None]) -> None:
        self._resolver = resolver
        self._replies = replies
        self._spawn = spawn
        self._is_on = False

    def hooks(self) -> OutageHooks:
        """For `upstream`, which finds out."""
        return OutageHooks(self._resolver.memory.forgive, self._changed, self._is_genuine)

    def _changed(self, is_on: bool) -> None:  # noqa: FBT001
        """An outage began or ended; *is_on*: there is one on some way."""
        was_on, self._is_on = self._is_on, is_on
        stale = self._resolver.stale
        if stale is None:
            return
        self._replies.keeps_stale = is_on
        if was_on and not is_on:
            stale.silent_cuts.clear()
            self._replies.packets.flush()
            told = stale.take_told()
            if told:
                self._spawn(self._renew, told)

    async def _renew(self, told: Iterable[Question]) -> None:
        """A few at a time: clients come first, and the link may be slow."""
        for question in told:
            while self._resolver.unattended >= STALE_RENEWALS_AT_ONCE:  # noqa: ASYNC110  # a second in all
                await trio.sleep(_LOOK_SECONDS)
            if self._is_on:
                return
            self._resolver.refresh(question)

    def _is_genuine(self, message: Message) -> bool:
        """Does a reply about the root's NS set bear its signature, where its keys are known?"""
        trust = self._resolver.trust
        return trust is None or any(
            not trust.is_forged(ROOT, rrset)
            for rrset in group(message.answer)
            if rrset.owner == ROOT
        )
