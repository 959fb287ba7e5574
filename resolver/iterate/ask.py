"""Ask the servers of one cut one question: a probe, the question itself, and a second wind.

Whom to ask first and when the next is the exchange's choice; here stands how far to go when nobody
is of use. A probe's failure is the probe's: the full question goes to the same servers (RFC 9156
§2.3). A question's failure sends us for addresses *beside* those that are known.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resolver.errors import ExchangeFailed, ResolutionFailed
from resolver.iterate.addresses import Effort, Means, looks_up
from resolver.iterate.classify import Classifier
from resolver.iterate.known_addresses import fill_from_cache, has_second_wind, lent_glue
from resolver.model import Question, Server, Verdict
from resolver.protocol import names
from resolver.protocol.ip_addresses import address_text
from resolver.upstream.request import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.budget import Share
    from resolver.cache.delegation import DelegationCache
    from resolver.cache.rrset import RRsetCache
    from resolver.delegation import KnownAddresses
    from resolver.iterate.addresses import Lookups
    from resolver.model import Delegation, Name
    from resolver.upstream.request import Ask

_new = tuple.__new__  # for what is made for each question: half the constructor's cost


class CutAsker:
    """What all walks of one walker share when they ask.

    *above* tells the cut above a zone. *spare*: servers of the root beside those that it names
    itself, the hints; None where the operator says whom to ask instead.
    """

    def __init__(
        self,
        ask: Ask,
        lookups: Lookups,
        rrsets: RRsetCache,
        delegations: DelegationCache,
        *,
        above: Callable[[Name], Delegation],
        spare: Delegation | None,
    ) -> None:
        self._ask = ask
        self._rrsets = rrsets
        self._delegations = delegations
        self._rtypes = lookups.rtypes
        self._now = lookups.clock.now
        self._above = above
        self._spare = spare
        self._means = Means(lookups, self._lend, self._ask_parent)

    def request(
        self,
        classifier: Classifier,
        delegation: Delegation,
        budget: Share,
        excluded: frozenset[str],
        effort: Effort = Effort.NORMAL,
    ) -> Request:
        """The question of *classifier* at *delegation*, whose book is brought up to date first."""
        book, now = delegation.book, self._now()
        if book.unresolved or now >= book.due_at:
            fill_from_cache(delegation, self._rrsets, self._delegations, self._rtypes, now)
        more = looks_up(delegation, budget, self._means, effort)
        if effort is Effort.PROBE:
            more = partial(_unless_answered, classifier, more)
        is_repeated, is_probe = effort is Effort.AFTER_PROBE, effort is Effort.PROBE
        question, wants_tcp, takes_any = classifier.question, False, False
        fields = (question, delegation, classifier, more, budget, wants_tcp, excluded, is_repeated,
                  is_probe, takes_any)  # fmt: skip
        return _new(Request, fields)

    async def once_more(
        self,
        request: Request,
        classifier: Classifier,
        known: tuple[Server, ...],
        failed: ExchangeFailed,
    ) -> Reply:
        """A second wind: addresses that were not asked yet, and replies that were passed over.

        *known*: the addresses that *request* began with; what was found since had no chance,
        perhaps. Raises ResolutionFailed, with the first reason where nobody else was asked.
        """
        delegation, excluded = request.delegation, request.excluded
        ancestors = {question.qname for question in request.budget.ancestors}
        has_more = has_second_wind(
            delegation, self._delegations, self._rtypes, self._now(), ancestors
        )
        has_more |= not failed.asked.issuperset(_hosts(delegation.servers()) - _hosts(known))
        if classifier.saw_poor:
            classifier.takes_poor = has_more = True
        else:
            excluded |= failed.asked
        if delegation.zone == names.ROOT and self._spare is not None:
            named = _hosts(delegation.servers())
            if not named.issuperset(_hosts(self._spare.servers())):
                excluded |= named
                delegation, has_more = self._spare, True
        if not has_more:
            raise _given_up(failed)
        again = self.request(classifier, delegation, request.budget, excluded, Effort.SECOND_WIND)
        try:
            return await self._ask(again)
        except ExchangeFailed as error:
            raise _given_up(error if error.asked else failed) from None

    def _lend(self, name: Name) -> KnownAddresses | None:
        """Glue that another referral brought for *name*, of the families that we ask."""
        return lent_glue(name, self._delegations, self._rtypes, self._now())

    async def _ask_parent(
        self, delegation: Delegation, question: Question, budget: Share
    ) -> tuple[Server, ...] | None:
        """Ask the servers above the cut for the address of a nameserver inside it."""
        above = self._above(delegation.zone)
        classifier = Classifier(question, above)
        try:
            reply = await self._ask(self.request(classifier, above, budget, frozenset()))
        except ExchangeFailed:
            return None
        return tuple(one for one in _addresses_in(reply, question) if one.rtype in self._rtypes)


async def _unless_answered(classifier: Classifier, more: Callable[[], Awaitable[bool]]) -> bool:
    """A probe that met with a useless reply: the full question is next, not more addresses."""
    return not classifier.saw_useless and await more()


def _hosts(servers: tuple[Server, ...]) -> frozenset[str]:
    return frozenset(server.host for server in servers)


def _given_up(error: ExchangeFailed) -> ResolutionFailed:
    return ResolutionFailed(str(error), ede=error.ede)


def _addresses_in(reply: Reply, question: Question) -> tuple[Server, ...]:
    """The addresses a parent's server gives for a name below the cut: answer or glue."""
    _, links, referral = reply.classified
    if referral is not None:
        return referral.glue.get(question.qname, ())
    link = links[0]
    if link.verdict is not Verdict.ANSWER:
        return ()
    hosts = [address_text(question.qtype, rdata) for rdata in link.answer[0].rdatas]
    return tuple(Server(host, 53, question.qname) for host in hosts if host is not None)
