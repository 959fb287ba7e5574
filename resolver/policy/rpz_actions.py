"""What a rule of a policy zone does → what the client is told. Pure.

    CNAME .             NXDOMAIN            CNAME rpz-passthru.   nothing, and no other rule counts
    CNAME *.            NODATA              CNAME rpz-drop.       no reply at all
    A 192.0.2.1 ...     that, as local data CNAME rpz-tcp-only.   over UDP: ask again over TCP
    CNAME x.            an alias to x       CNAME *.x.            an alias to the name below x

An alias to the name itself, or from a name at or below where it leads, does nothing: so one rule
for everything (`*`) can lead into a walled garden that the rule covers too. What is told has no AA
and no AD. draft-vixie-dnsop-dns-rpz §3.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import RPZ_TTL_SECONDS
from resolver.model import DROPPED, Answer, Ede, Question, RRset, Source, Status
from resolver.policy.local import authority_of
from resolver.policy.rpz_zone import Rule
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.model import Name, Query
    from resolver.policy.rpz_zone import Rules

_SOURCES: Final = (Source.BLOCKED,)
_OVERRIDE_TTL: Final = 60


class Action(enum.Enum):
    """What is done; the values are the words of `override`."""

    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    PASSTHRU = "passthru"
    DROP = "drop"
    TCP_ONLY = "tcp-only"
    LOCAL = "local-data"
    CNAME = "cname"
    DISABLED = "disabled"  # only of a whole zone: it is told what would have been

    __hash__ = object.__hash__


ENDS: Final = (Action.PASSTHRU, Action.DISABLED)  # with the answer as it is
_BY_TARGET: Final = {
    names.ROOT: Action.NXDOMAIN,
    b"\x01*\x00": Action.NODATA,
    names.from_text("rpz-passthru."): Action.PASSTHRU,
    names.from_text("rpz-drop."): Action.DROP,
    names.from_text("rpz-tcp-only."): Action.TCP_ONLY,
}


class Told(NamedTuple):
    """What a zone says: an *action*, and the *rules* with its data."""

    action: Action
    rules: Rules


class Manner(NamedTuple):
    """How a zone tells it: *ede*, a code, with *text*, its name."""

    ede: int
    text: str


def told_of(rules: Rules) -> Told:
    """What *rules*, those of one trigger, do."""
    if rules and rules[0].rtype == RRType.CNAME:
        return Told(_BY_TARGET.get(rules[0].rdata.lower(), Action.CNAME), rules)
    return Told(Action.LOCAL, rules) if rules else Told(Action.NODATA, ())


def override_of(text: str) -> Told | None:
    """What `override` says; None for "given". Raises ValueError."""
    if text == "given":
        return None
    word, colon, target = text.partition(":")
    if word == Action.CNAME.value and colon:
        name = names.from_text(target)
        return Told(Action.CNAME, (Rule(RRType.CNAME, _OVERRIDE_TTL, name),))
    action = Action(text)
    if action in (Action.LOCAL, Action.CNAME):
        raise ValueError(text)
    return Told(action, ())


def target_of(told: Told, name: Name) -> Name | None:
    """Where the alias of *name* leads; None: nowhere, for it is there already.

    Raises ValueError where that is no name any more.
    """
    target = told.rules[0].rdata.lower()
    if names.is_wildcard(target):
        target = target[2:]
        return None if names.is_subdomain(name, target) else name[:-1] + _fits(name, target)
    return None if name == target else target


def _fits(name: Name, target: Name) -> Name:
    if len(name) + len(target) - 1 > names.MAX_NAME_OCTETS:
        raise ValueError("a name of more than 255 octets")
    return target


def answer_of(query: Query, name: Name, told: Told, manner: Manner) -> Answer | None:
    """What *query* is told of *name*, which is asked for or what its aliases lead to; DROPPED:
    nothing. None: nothing stands in the way of the answer that there is."""
    action = told.action
    if action in ENDS:
        return None
    if action is Action.DROP:
        return DROPPED
    question = query.message.question
    if action is Action.TCP_ONLY:
        if query.client.transport is not Transport.UDP:
            return None
        return Answer(question, Rcode.NOERROR, is_truncated=True, sources=_SOURCES)
    ttl = min([RPZ_TTL_SECONDS, *(rule.ttl for rule in told.rules)], default=0)
    if not told.rules:
        ttl = _OVERRIDE_TTL
    if action is Action.CNAME:
        return _alias(question, name, told, ttl, manner)
    rcode = Rcode.NXDOMAIN if action is Action.NXDOMAIN else Rcode.NOERROR
    found = _data(question.qtype, name, told.rules) if action is Action.LOCAL else ()
    return _made(question, rcode, found, name, ttl, manner)


def _alias(question: Question, name: Name, told: Told, ttl: int, manner: Manner) -> Answer | None:
    try:
        target = target_of(told, name)
    except ValueError:
        return _made(question, Rcode.NXDOMAIN, (), name, ttl, manner)
    if target is None:
        return None
    made = _made(
        question, Rcode.NOERROR, (RRset(name, RRType.CNAME, ttl, (target,)),), name, ttl, manner
    )
    if question.qtype not in (RRType.CNAME, RRType.ANY):
        made.onward = Question(target, question.qtype, question.qclass)
    return made


def _data(qtype: int, name: Name, rules: Rules) -> tuple[RRset, ...]:
    by_type: dict[int, list[Rule]] = {}
    for rule in rules:
        if qtype in (rule.rtype, RRType.ANY):
            by_type.setdefault(rule.rtype, []).append(rule)
    return tuple(
        RRset(
            name, rtype, min(RPZ_TTL_SECONDS, *(one.ttl for one in found)),
            tuple(one.rdata for one in found),
        )
        for rtype, found in by_type.items()
    )  # fmt: skip


def _made(
    question: Question, rcode: int, found: tuple[RRset, ...], name: Name, ttl: int, manner: Manner
) -> Answer:
    ede: tuple[Ede, ...] = (Ede(manner.ede, manner.text),)
    if found:
        ede = (*ede, Ede(EdeCode.FORGED_ANSWER))
    return Answer(
        question,
        rcode,
        answer=found,
        authority=() if found else (authority_of(name, ttl),),
        status=Status.INSECURE,
        ede=ede,
        sources=_SOURCES,
    )
