"""Who may do what: a row for each verb, so that none is open by mistake."""

from __future__ import annotations

import pytest

from resolver.operate.rights import Peer, may, right_of
from resolver.operate.verb import Right, Verb
from resolver.operate.verbs import VERBS

ROOT, ADMIN, MEMBER = 0, 1000, 1001
ADMINS = frozenset({ADMIN})
# What a member of the socket's group may do who is no admin: nothing that changes anything, and
# nothing that shows names or clients.
OPEN_TO_THE_GROUP = {
    "status": True,
    "stats": True,
    "health": True,
    "flush": False,
    "cache show": False,
    "cache dump": False,
    "cache load": False,
    "servers": True,
    "pops": True,
    "probe": False,
    "zones": False,
    "queries": False,
    "trace": False,
    "why": False,
    "nta add": False,
    "nta remove": False,
    "nta list": True,
    "stale": False,
    "warm": False,
    "drill": False,
    "geo zones": False,
    "geo survey": False,
    "captive": False,
    "lists show": True,
    "lists test": True,
    "block": False,
    "allow": False,
    "pause": False,
    "reload": False,
    "tls reload": False,
    "log level": False,
    "log reopen": False,
    "log follow": False,
    "drain": False,
    "restart": False,
    "stop": False,
}


def _may(uid: int, right: Right) -> bool:
    return may(right_of(Peer(1, uid, uid), ADMINS), right)


def test_each_verb_is_in_the_table() -> None:
    assert {verb.name for verb in VERBS} == OPEN_TO_THE_GROUP.keys()
    assert len({verb.name for verb in VERBS}) == len(VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_who_may(verb: Verb) -> None:
    assert _may(ROOT, verb.right)
    assert _may(ADMIN, verb.right)
    assert _may(MEMBER, verb.right) is OPEN_TO_THE_GROUP[verb.name]


def test_to_act_includes_to_look() -> None:
    assert may(Right.ACT, Right.LOOK)
    assert not may(Right.LOOK, Right.ACT)
