"""3 may they: answers that go on. Policy tells an alias, and what it leads to is resolved.

A step gives the alias as an answer that names the question to go on with (`Answer.onward`): a local
CNAME to a public name, a rewriting. That question meets the same policy as one of the client's own,
so that an alias into a blocked or a local name is what that is; then the caches and the network.
What they say is joined to the alias here. An alias may stand in the place of an answer too, where a
step saw that first: `carried_on` goes on from there. Pure: who calls says how questions are asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from resolver.limits import CHAIN_LENGTH
from resolver.model import DROPPED, Answer, Ede, Query, Source, Status
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.message import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from resolver.model import Question
    from resolver.policy.path import PolicyPath

    # What resolution or a cache has; None: it does not know at once.
    Ask = Callable[[Query], Awaitable[Answer | None]]

_new: Final = tuple.__new__  # for what is made for each query: half the constructor's cost
_LOCAL: Final = (Source.LOCAL,)
_KEPT_FLAGS: Final = Flag.RD | Flag.CD
_CIRCLE: Final = (Ede(EdeCode.OTHER, "local aliases lead in a circle, or too far"),)


class Told(NamedTuple):
    """What policy says: the *aliases* that it tells, what is *asked* behind them, and its *answer*
    to that; None: it is to be resolved."""

    aliases: Sequence[Answer]
    asked: Query
    answer: Answer | None


def ask_policy(policy: PolicyPath, query: Query) -> Told:
    """Where *policy* leads with *query*. SERVFAIL where aliases go on after CHAIN_LENGTH."""
    found = policy.before(query)
    if found is None or found.onward is None:
        return _new(Told, ((), query, found))
    aliases: list[Answer] = []
    while found is not None and found.onward is not None:
        if len(aliases) >= CHAIN_LENGTH:
            return Told((), query, _lost(query))
        aliases.append(found)
        query = _about(query, found.onward)
        found = policy.before(query)
    return Told(aliases, query, found)


def _lost(query: Query) -> Answer:
    return Answer(query.question, Rcode.SERVFAIL, ede=_CIRCLE, sources=(Source.LOCAL,))


def _about(query: Query, question: Question) -> Query:
    """The same client's *query*, had it asked *question*."""
    asked = Message.asking(question, query.message.flags & _KEPT_FLAGS)
    return Query(asked, b"", query.client, query.source, query.view)


async def carried_on(
    policy: PolicyPath, query: Query, answer: Answer, told: Answer, ask: Ask
) -> Answer:
    """What the client is told in the end, *told* being what *policy* made of *answer* to *query*:
    with what that leads to, and with what another answer says that policy needs beside it."""
    if told is not answer:
        return await _followed(policy, query, told, ask)
    beside = policy.beside(query, answer)
    if beside is None:
        return told
    other = await ask(beside.query)
    if other is None or other.rcode == Rcode.SERVFAIL:
        return told
    return policy.joined(query, answer, beside, other)


async def _followed(policy: PolicyPath, query: Query, answer: Answer, ask: Ask) -> Answer:
    """*answer*, which policy put in the place of another to *query*, with what its alias leads to,
    if it is one; with nothing behind it where *ask* does not know."""
    aliases: list[Answer] = []
    while answer.onward is not None:
        if len(aliases) >= CHAIN_LENGTH:
            return joined(aliases, _lost(query))
        told = ask_policy(policy, _about(query, answer.onward))
        aliases += (answer, *told.aliases)
        query = told.asked
        if told.answer is not None:
            answer = told.answer
        else:
            found = await ask(query)
            answer = policy.after(query, found or Answer(query.question, Rcode.NOERROR))
    return joined(aliases, answer)


def at_once(work: Coroutine[object, object, Answer]) -> Answer:
    """The end of *work* that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("Answer", end.value)
    raise RuntimeError("what was to be done at once waits")


def alone(aliases: Sequence[Answer]) -> Answer:
    """What is told of *aliases* where it is not to be found out what they lead to."""
    return joined(aliases, Answer(aliases[-1].question, Rcode.NOERROR))


def joined(aliases: Sequence[Answer], last: Answer) -> Answer:
    """What the client is told: the *aliases*, and *last*, what the last of them leads to.

    Never secure: nobody signed an alias of ours. A failure is one of the whole.
    """
    if not aliases or last is DROPPED:
        return last
    if last.rcode == Rcode.SERVFAIL:
        return replace(last, question=aliases[0].question)
    records = tuple(rrset for alias in aliases for rrset in alias.answer)
    return replace(
        last,
        question=aliases[0].question,
        answer=records + last.answer,
        status=Status.INSECURE,
        ede=tuple(ede for one in (*aliases, last) for ede in one.ede),
        is_authoritative=all(one.is_authoritative for one in aliases),
        sources=(*(aliases[0].sources or _LOCAL), *last.sources),
        lifetime_s=min(one.lifetime_s for one in (*aliases, last)),
        lasts=False,
    )
