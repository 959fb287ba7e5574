"""Priming: ask one of the hints for the root's own NS set (RFC 9609).

Hints are only hints: the answer replaces them, and if nothing answers the hints go on serving. Done
at start and again before the set expires, never on a client's critical path. The servers of a stub
zone may be taken for hints likewise (`configured`).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.budget import QueryBudget, Share
from resolver.errors import ExchangeFailed, ResolverError
from resolver.iterate.classify import classify
from resolver.iterate.scrub import glue_of, nameservers_of
from resolver.limits import (
    MAX_TTL_SECONDS,
    PRIMING_REFRESH_SHARE,
    PRIMING_RETRY_SECONDS,
    QUERY_SECONDS,
    UPSTREAM_QUERIES,
)
from resolver.model import Delegation, Question, Referral, Server, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.upstream.request import Classified, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Name
    from resolver.protocol.message import Message
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask

_log = logging.getLogger(__name__)


def hints_delegation(hints: Iterable[tuple[Name, str]]) -> Delegation:
    """The root as the hints file knows it: (nameserver name, address) pairs. Never expires."""
    glue: dict[Name, tuple[Server, ...]] = {}
    for name, host in hints:
        glue[name] = (*glue.get(name, ()), Server(host, 53, name))
    return Delegation(names.ROOT, tuple(glue), glue, expires_at=float("inf"))


def _classify_priming(hints: Delegation, message: Message, server: Server) -> Classified:
    """As any other reply, with the addresses of ADDITIONAL beside the answer."""
    zone = hints.zone
    classified = classify(message, Question(zone, RRType.NS), zone, server=server)
    if classified.verdict is not Verdict.ANSWER:  # a root that denies or refers is no root
        return Classified(Verdict.USELESS) if classified.verdict.is_usable else classified
    ns = classified.links[0].answer[0]
    nameservers = nameservers_of(ns)
    glue = {**hints.glue, **glue_of(message, nameservers, zone)}
    glue = {name: glue[name] for name in nameservers if name in glue}
    if not glue:
        return Classified(Verdict.USELESS)
    return Classified(Verdict.ANSWER, referral=Referral(zone, nameservers, ns.ttl, glue, ()))


async def prime(
    ask: Ask,
    hints: Delegation,
    now: Callable[[], float],
    budget: Share | None = None,
    *,
    is_signed: bool,
) -> Delegation:
    """Ask the hints for the NS set of their zone. Raises ResolverError if none of them answers.

    *is_signed*: are signatures to be expected of what its servers say?
    """
    if budget is None:
        whole = QueryBudget(
            queries=UPSTREAM_QUERIES,
            ns_lookups=0,
            signature_checks=0,
            hashes=0,
            deadline=trio.current_time() + QUERY_SECONDS,
        )
        budget = Share(whole)
    question = Question(hints.zone, RRType.NS)

    async def no_more() -> bool:
        return False

    reply = await ask(Request(question, hints, partial(_classify_priming, hints), no_more, budget))
    primed = reply.classified.referral
    if primed is None:
        raise ExchangeFailed("the reply to priming was not read as one")
    return Delegation(
        hints.zone,
        primed.nameservers,
        primed.glue,
        expires_at=now() + min(primed.ttl, MAX_TTL_SECONDS),
        is_signed=is_signed,
    )


class Keeper(Protocol):
    """Where the root's delegation goes (`cache.delegation.DelegationCache`)."""

    def put(self, delegation: Delegation) -> None: ...


async def keep_primed(
    ask: Ask,
    delegations: Keeper,
    hints: Delegation,
    clock: Clock,
    *,
    is_signed: Callable[[], bool],
) -> None:
    """Prime now, and again before the set expires; a failure is tried again later."""
    while True:
        wait_s: float = PRIMING_RETRY_SECONDS
        try:
            root = await prime(ask, hints, clock.now, is_signed=is_signed())
        except ResolverError as error:
            _log.info("priming failed: %s", error)
        else:
            delegations.put(root)
            wait_s = max(wait_s, (root.expires_at - clock.now()) * PRIMING_REFRESH_SHARE)
        await trio.sleep(wait_s)
