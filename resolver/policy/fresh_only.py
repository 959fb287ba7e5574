"""3 may they: a view that is told no expired data: what others are told after its time fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.model import Answer, Source, Status
from resolver.policy.path import Step
from resolver.protocol.codes import EdeCode, Rcode

if TYPE_CHECKING:
    from resolver.model import Query

_STALE_CODES: Final = frozenset({EdeCode.STALE_ANSWER, EdeCode.STALE_NXDOMAIN})


class FreshOnly(Step):
    """SERVFAIL in the place of an answer of which any link has expired, as without RFC 8767."""

    name = "no expired data"
    tells_stale = False

    def after(self, query: Query, answer: Answer) -> Answer:
        if Source.STALE not in answer.sources:
            return answer
        told = tuple(
            ede._replace(code=EdeCode.NO_REACHABLE_AUTHORITY) if ede.code in _STALE_CODES else ede
            for ede in answer.ede
        )
        return Answer(
            query.question,
            Rcode.SERVFAIL,
            status=Status.INDETERMINATE,
            ede=told,
            sources=(Source.NETWORK,),
        )
