"""A trace tells what the walker asked and learnt, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from resolver.errors import ExchangeFailed
from resolver.iterate.observed import learnt, observed
from resolver.model import Ede, Link, Question, Referral, RRset, Server, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport
from resolver.telemetry.events import Asked, Bus, Unanswered
from resolver.telemetry.trace import Trail, line
from resolver.upstream.request import Classified
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.upstream.request import Reply, Request

COM = names.from_text("com.")
WWW = names.from_text("www.example.com.")
SERVER = Server("192.0.2.1", 53, names.from_text("a.gtld.test."))
DS = RRset(COM, RRType.DS, 60, (b"",))
ADDRESSES = RRset(WWW, RRType.A, 60, (b"\1\2\3\4", b"\1\2\3\5"))


ASKED: list[str] = []


class Fake:
    """Stands for anything with the attributes given."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def request() -> Any:
    budget = Fake(whole=Fake(asked=ASKED, steps=None, answered_by=""), depth=1)
    return Fake(question=Question(WWW, RRType.A), delegation=Fake(zone=names.ROOT), budget=budget)


def referral(*proof: RRset) -> Referral:
    return Referral(COM, (SERVER.nameserver,), 60, {SERVER.nameserver: (SERVER,)}, proof)


def test_a_referral_is_told_with_its_servers_and_whether_it_is_signed() -> None:
    signed = Classified(Verdict.REFERRAL, referral=referral(DS))
    assert learnt(signed) == "com. has 1 nameservers, 1 addresses here, signed"
    assert learnt(Classified(Verdict.REFERRAL, referral=referral())).endswith("no DS")


def test_an_answer_is_told_by_its_records() -> None:
    question = Question(WWW, RRType.A)
    link = Link(question, COM, Verdict.ANSWER, 0, answer=(ADDRESSES,))
    assert learnt(Classified(Verdict.ANSWER, (link,))) == "www.example.com. A (2)"
    assert learnt(Classified(Verdict.USELESS)) == ""


@trio_test
async def test_a_step_is_told_and_the_reply_passed_on() -> None:
    reply: Any = Fake(
        server=SERVER,
        transport=Transport.UDP,
        rtt_s=0.0123,
        classified=Classified(Verdict.REFERRAL, referral=referral(DS)),
    )

    async def ask(request: Request) -> Reply:  # noqa: ARG001  # called by any name
        return cast("Reply", reply)

    bus, trail = Bus(), Trail()
    bus.subscribe(trail, Asked, Unanswered)
    assert await observed(ask, bus)(request()) is reply
    (step,) = trail.steps
    assert isinstance(step, Asked)
    assert line(step) == (
        ".                    www.example.com. A @ a.gtld.test. 192.0.2.1, udp 12.3 ms → referral: "
        "com. has 1 nameservers, 1 addresses here, signed"
    )


@trio_test
async def test_a_step_that_failed_is_told_and_fails() -> None:
    async def ask(request: Request) -> Reply:  # noqa: ARG001
        raise ExchangeFailed("no", ede=(Ede(22, "all servers are silent"),))

    bus, trail = Bus(), Trail()
    bus.subscribe(trail, Asked, Unanswered)
    with pytest.raises(ExchangeFailed):
        await observed(ask, bus)(request())
    (step,) = trail.steps
    assert isinstance(step, Unanswered)
    assert "all servers are silent after 0 ms" in line(step)
