"""How far to go when no server of a cut is of use: the question itself, and addresses beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.errors import ResolutionFailed
from resolver.model import Delegation, Server, Verdict
from resolver.protocol.codes import Flag, Rcode, RRType
from tests.iterate.making import Land
from tests.making import name, reply
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.protocol.message import Message

OUTSIDE = "dns1.hosting.birch."
HOST, OTHER = "192.0.2.20", bytes([192, 0, 2, 21])
GOOD = reply("www.alder. A", answer=["www.alder. 60 A 203.0.113.7"], flags=Flag.AA)
DEEP = reply("www.deep.alder. A", answer=["www.deep.alder. 60 A 203.0.113.8"], flags=Flag.AA)
BAD = {
    "servfail": reply("x. A", rcode=Rcode.SERVFAIL),
    "refused": reply("x. A", rcode=Rcode.REFUSED),
    "notimp": reply("x. A", rcode=Rcode.NOTIMP),
    "formerr": reply("x. A", rcode=Rcode.FORMERR),
    "upward": reply("x. A", authority=[". 60 NS k.root-servers.net."]),
}


def land(bad: Message, *, fixed: dict[bytes, Delegation] | None = None, **settings: object) -> Land:
    """alder. has one server, outside, known by its parent's glue; it fails for some names."""
    return Land(
        {
            ". *": reply(
                "x. A",
                authority=[f"alder. 3600 NS {OUTSIDE}"],
                additional=[f"{OUTSIDE} 3600 A {HOST}"],
            ),
            "alder. broken.alder. 1": bad,
            "alder. deep.alder. 2": bad,
            "alder. www.alder. 1": GOOD,
            "alder. www.deep.alder. 1": DEEP,
        },
        fixed=fixed,
        **settings,
    )


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize("kind", BAD)
@trio_test
async def test_one_bad_answer_does_not_cost_the_zones_glue(kind: str) -> None:
    """The server's name cannot be looked up, and its address is known all the same."""
    made = land(BAD[kind])
    with pytest.raises(ResolutionFailed):
        await made.walk("broken.alder. A")
    assert made.looked_up == [f"{OUTSIDE} 1"]
    assert made.asked.count("alder. broken.alder. 1") == 1
    assert (await made.walk("www.alder. A")).verdict is Verdict.ANSWER
    assert made.looked_up == [f"{OUTSIDE} 1"]


@pytest.mark.rfc("RFC 9156 §2.3")
@pytest.mark.parametrize("kind", BAD)
@trio_test
async def test_a_failed_probe_leads_to_the_question_without_look_ups(kind: str) -> None:
    made = land(BAD[kind], minimise=True)
    assert (await made.walk("www.deep.alder. A")).verdict is Verdict.ANSWER
    assert made.asked == [". alder. 2", "alder. deep.alder. 2", "alder. www.deep.alder. 1"]
    assert made.looked_up == []


@trio_test
async def test_a_failed_question_is_asked_at_the_address_that_a_look_up_finds() -> None:
    """And at no other again: those had their chance."""
    made = land(BAD["refused"])
    made.addresses[f"{OUTSIDE} 1"] = (OTHER, bytes([192, 0, 2, 20]))
    made.script["192.0.2.21 *"] = reply(
        "broken.alder. A", answer=["broken.alder. 60 A 203.0.113.9"], flags=Flag.AA
    )
    assert (await made.walk("broken.alder. A")).verdict is Verdict.ANSWER
    assert made.asked.count("alder. broken.alder. 1") == 2


@trio_test
async def test_another_referrals_glue_is_asked_before_anything_is_looked_up() -> None:
    made = land(BAD["refused"])
    made.delegations.put(
        Delegation(
            name("birch."),
            (name(OUTSIDE),),
            {name(OUTSIDE): (Server("192.0.2.21", 53, name(OUTSIDE)),)},
            expires_at=1e9,
        )
    )
    made.script["192.0.2.21 *"] = reply(
        "broken.alder. A", answer=["broken.alder. 60 A 203.0.113.9"], flags=Flag.AA
    )
    assert (await made.walk("broken.alder. A")).verdict is Verdict.ANSWER
    assert made.looked_up == []


@pytest.mark.rfc("RFC 9609 §3")
@trio_test
async def test_where_the_primed_root_fails_the_hints_are_asked() -> None:
    """A priming answer is an answer like others: it may have been somebody else's."""
    made = land(BAD["refused"])
    primed = name("ns.elsewhere.")
    made.delegations.put(
        Delegation(b"\0", (primed,), {primed: (Server("192.0.2.66", 53, primed),)}, 1e9)
    )
    made.script["192.0.2.66 *"] = BAD["refused"]
    assert (await made.walk("www.alder. A")).verdict is Verdict.ANSWER
    assert made.asked == [". www.alder. 1"] * 2 + ["alder. www.alder. 1"]


@trio_test
async def test_hints_that_are_the_primed_set_are_not_asked_twice() -> None:
    made = land(BAD["refused"])
    made.delegations.put(Delegation(b"\0", made.hints.nameservers, made.hints.glue, 1e9))
    made.script[". *"] = BAD["refused"]
    with pytest.raises(ResolutionFailed):
        await made.walk("www.alder. A")
    assert made.asked == [". www.alder. 1"]


@trio_test
async def test_a_stub_for_the_root_has_no_hints_behind_it() -> None:
    placeholder = name("configured.")
    stub = Delegation(b"\0", (placeholder,), {placeholder: (Server("192.0.2.9", 53),)}, 1e9)
    made = land(BAD["refused"], fixed={b"\0": stub})
    made.script["192.0.2.9 *"] = BAD["refused"]
    with pytest.raises(ResolutionFailed):
        await made.walk("www.alder. A")
    assert made.asked == [". www.alder. 1"]


@trio_test
async def test_a_parents_glue_of_a_family_that_is_never_asked_is_no_address() -> None:
    """An IPv4-only host; the zone's own nameserver has glue of the other family alone."""
    made = land(BAD["refused"])
    made.script[". *"] = reply(
        "x. A", authority=["alder. 60 NS ns.alder."], additional=["ns.alder. 60 AAAA 2001:db8::1"]
    )
    with pytest.raises(ResolutionFailed):
        await made.walk("www.alder. A")
    assert made.asked == [". www.alder. 1", ". ns.alder. 1"]
    made.script[". ns.alder. 1"] = reply(
        "ns.alder. A", authority=["alder. 60 NS ns.alder."], additional=[f"ns.alder. 60 A {HOST}"]
    )
    made.delegations.clear()
    assert (await made.walk("www.alder. A")).verdict is Verdict.ANSWER
    assert RRType.AAAA not in {int(line.split()[-1]) for line in made.asked}
