"""The query to one server: its flags, and how much of EDNS it carries. Pure, given *rng* and *now*.

A cookie and what else rides beside it go only to servers that were seen to bear
EDNS: what does not bear options costs nobody a first answer. NSID is asked now and then
(`instance_watch` says when). RFC 6891, RFC 7873, RFC 5001 (NSID).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.protocol.codes import Flag
from resolver.protocol.edns import nsid_option
from resolver.upstream.query import compose, offer
from resolver.upstream.server_state import EdnsState

if TYPE_CHECKING:
    from random import Random

    from resolver.model import Question
    from resolver.upstream.infra import Infra
    from resolver.upstream.query import Offer, Sent
    from resolver.upstream.query_form import Form
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.settings import OutgoingSettings


_NSID: Final = (nsid_option(),)


class Composer:
    """*validates*: CD goes to forwarders, for we want what they would hide (RFC 6840 §5.9)."""

    def __init__(
        self,
        infra: Infra,
        settings: OutgoingSettings,
        *,
        rng: Random,
        validates: bool = True,
    ) -> None:
        self._infra = infra
        self._rng = rng
        self.go_by(settings, validates=validates)

    def go_by(self, settings: OutgoingSettings, *, validates: bool) -> None:
        """Other settings, from the next query on."""
        self._payload = settings.udp_payload_size
        self._mixes_case = settings.query_case_randomization
        self._asks_nsid = settings.nsid
        self._forward_flags = Flag.RD | (Flag.CD if validates else 0)

    def __call__(
        self, question: Question, state: ServerState, *, is_forward: bool, form: Form, now: float
    ) -> Sent:
        """The octets of one query to one server."""
        opt: Offer | None = None
        if form.edns:
            if not form.options or state.edns is not EdnsState.WORKS:
                opt = offer(self._payload)  # without the server's half, a cookie protects nobody
            else:
                asks_nsid = self._asks_nsid and state.watch.takes_nsid(now)
                others = _NSID if asks_nsid else ()
                if state.is_encrypted or now < state.no_cookies_until:  # nobody forges into that
                    opt = offer(self._payload, others=others)
                else:
                    cookie = state.cookie or self._infra.cookie(state)
                    opt = offer(self._payload, cookie, state.server_cookie, others)
        return compose(
            question,
            rng=self._rng,
            flags=self._forward_flags if is_forward else 0,
            offer=opt,
            mixes_case=form.mixed
            and self._mixes_case
            and not state.is_encrypted
            and now >= state.case_broken_until,
        )
