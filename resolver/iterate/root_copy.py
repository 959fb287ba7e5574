"""The root zone at hand, asked in the place of its servers: no packet (RFC 8806).

It stands between the walker and `upstream`, as one more server of the root, so that neither side
knows of it: a source of referrals and denials, never an authority for clients. The zone was
accepted whole (`dnssec.whole_zone`); what it says is judged like any reply all the same, and where
that comes out as bogus the servers themselves are asked. So they are for what it does not tell
(ANY, another class).

It counts as long as its SOA allows since it was last confirmed, and as its key signatures hold,
whichever ends first; after that only where no server of the root answers, and what it says then is
stale (RFC 8767).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from resolver.errors import ExchangeFailed, WireError, Withheld
from resolver.iterate.root_answers import reply_of
from resolver.limits import ROOT_COPY_STALE_SECONDS
from resolver.model import Ede, Server, Source, Verdict
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.transport import Transport
from resolver.upstream.request import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from resolver.iterate.root_form import RootForm
    from resolver.protocol.message import Message
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask, Classified, Request

# Who said it, for those who shun a server that said something bogus.
HERE: Final = Server("the copy of the root zone", 0, names.ROOT)


class RootCopy:
    """The copy in use, if there is one. *form* is put in place of another between two questions.

    *trouble*: why the last one was let go of, where it could not be read.
    """

    COUNTS: ClassVar = {
        "answers": "Questions that the copy answered in the place of a server of the root.",
        "stale_answers": "Those of them after its time, since no server of the root answered.",
        "passed_over": "Questions that went to the root's servers, as there was no copy for them.",
        "failures": "Those of them that none of the root's servers answered.",
    }

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.form: RootForm | None = None
        self.trouble = ""
        self.confirmed_at = 0.0
        self._expires_at = self._silent_until = 0.0
        self.answers = self.stale_answers = self.passed_over = self.failures = 0

    def __repr__(self) -> str:
        return f"<RootCopy of {self.form}>"

    # --- the zone that is held -----------------------------------------------------------------

    def use(self, form: RootForm, *, age_s: float = 0.0) -> None:
        """Have *form* from now on, which was confirmed *age_s* seconds ago."""
        self.form, self.trouble = form, ""
        self.confirm(form, age_s=age_s)

    def confirm(self, form: RootForm, *, age_s: float = 0.0) -> None:
        """No server had a newer zone than *form* *age_s* seconds ago: its time begins anew."""
        self.confirmed_at = self._clock.now() - age_s
        self._expires_at = self.confirmed_at + soa_of(form).expire

    @property
    def is_live(self) -> bool:
        """True while the copy may be used in the place of the root's servers."""
        return (
            self.form is not None
            and self._clock.now() < self._expires_at
            and self._clock.wall() < self.form.valid_until
        )

    # --- in the place of a server --------------------------------------------------------------

    def asking(self, ask: Ask) -> Ask:
        """*ask*, but that the copy answers for the root where it can."""

        def here_or_there(request: Request) -> Awaitable[Reply]:
            if request.delegation.zone == names.ROOT:
                return self._at_root(ask, request)
            return ask(request)

        return here_or_there

    async def _at_root(self, ask: Ask, request: Request) -> Reply:
        if self.is_live:
            reply = self._reply(request)
            if reply is not None:
                self.answers += 1
                return reply
        elif self._clock.now() < self._silent_until:
            reply = self._stale(request)
            if reply is not None:
                return reply
        self.passed_over += 1
        try:
            return await ask(request)
        except (ExchangeFailed, Withheld):  # also: our link is down
            self.failures += 1
            self._silent_until = self._clock.now() + ROOT_COPY_STALE_SECONDS
            reply = self._stale(request)
            if reply is None:
                raise
        return reply

    def _stale(self, request: Request) -> Reply | None:
        """What the copy says though its time be over; None if nothing."""
        reply = self._reply(request)
        if reply is None:
            return None
        self.stale_answers += 1
        return reply._replace(classified=_as_stale(reply.classified))

    def _reply(self, request: Request) -> Reply | None:
        """What the copy says; None if nothing. One that cannot be read is let go of."""
        if self.form is None or HERE.host in request.excluded:
            return None
        try:
            message = reply_of(self.form, request.question)
        except WireError as error:
            self.form, self.trouble = None, str(error)
            return None
        return None if message is None else _read(message, request)


def soa_of(form: RootForm) -> rdata_fields.Soa:
    return rdata_fields.soa(form.apex[RRType.SOA].rdatas[0])


def _read(message: Message, request: Request) -> Reply | None:
    classified = request.classify(message, HERE)
    if not classified.verdict.is_usable:
        return None
    for link in classified.links:
        link.source = Source.CACHE
    return Reply(HERE, message, classified, 0.0, Transport.UDP)


def _as_stale(classified: Classified) -> Classified:
    """*classified*, to be kept for ROOT_COPY_STALE_SECONDS at most, and told as what it is."""
    most = ROOT_COPY_STALE_SECONDS
    if classified.referral is not None:
        referral = classified.referral
        proof = tuple(rrset._replace(ttl=min(rrset.ttl, most)) for rrset in referral.proof)
        lent = referral._replace(ttl=min(referral.ttl, most), proof=proof)
        return classified._replace(referral=lent)
    is_nxdomain = classified.verdict is Verdict.NXDOMAIN
    code = EdeCode.STALE_NXDOMAIN if is_nxdomain else EdeCode.STALE_ANSWER
    for link in classified.links:
        link.source = Source.STALE
        link.ede = (Ede(code, "by an old copy of the root zone: its servers do not answer"),)
        link.answer, link.authority = (
            tuple(rrset._replace(ttl=min(rrset.ttl, most)) for rrset in rrsets)
            for rrsets in (link.answer, link.authority)
        )
    return classified
