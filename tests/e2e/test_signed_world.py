"""150 signed zones on real servers: every answer is Unbound's, or an RFC says why it is not.

`python -m bench.signed` asks more of the same, and from both resolvers' caches too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.signed import ask, compare, daemons, questions, run
from bench.signed import signed_world as world
from bench.signed.__main__ import NEEDED
from bench.signed.questions import Asked
from tests.e2e import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.signed.signed_world import SignedWorld

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]
QUESTIONS = 1500
# What is wrong with the zone, by its name: the extended error that says so (RFC 8914 §4).
ERRORS = {
    "www.expired.nsec.": 7,
    "www.early.nsec.": 8,
    "www.nosig.nsec.": 10,
    "www.badsig.opt.": 6,
    "www.nodnskey.nsec.": 9,
    "www.wrongds.hash.": 9,
    "www.nozonebit.hash.": 11,
    "nothing.nodenial.nsec.": 12,
    "www.unsignedds.nsec.": 9,
}
INSECURE = {
    "nothing.it151.hash.": 27,
    "www.unknownalg.hash.": 1,
    "www.unknowndigest.hash.": 2,
    "www.island.plain.": None,
    "www.unsigned.plain.": None,
}
SECURE = ("www.a5.nsec.", "www.a16.opt.", "www.anchored.plain.", "nothing.it150.hash.")


@pytest.fixture(scope="module", params=[True, False], ids=["minimised", "whole names"])
def signed_world(request: pytest.FixtureRequest) -> Iterator[SignedWorld]:
    daemon.require(*NEEDED)
    with world.running() as it:
        daemons.start_ours(it, minimise=request.param)
        daemons.start_unbound(it, minimise=request.param)
        yield it


def _ask(it: SignedWorld, *names: str) -> list[compare.Seen]:
    queries = [Asked(name, "A", "do").wire() for name in names]
    return [compare.seen(reply) for reply in ask.ask_all(it.client, daemons.OURS, queries)]


@pytest.mark.rfc("RFC 4035 §4.3; RFC 4035 §5; RFC 6840 §5.11; RFC 4509 §3; RFC 6781 §4.1")
def test_every_answer_is_unbounds_or_explained(signed_world: SignedWorld) -> None:
    """rcode, AD, answer and authority types, fresh and from the caches."""
    asked = questions.draw(signed_world.entries, QUESTIONS)
    for _ in range(2):
        report = run.compare_both(signed_world, asked)
        assert [str(one) for one in report.unexplained] == []
        assert report.equal > 0.9 * QUESTIONS
        assert report.statuses["NOERROR AD"] > 0.2 * QUESTIONS


@pytest.mark.rfc("RFC 8914 §4; RFC 4035 §5.5")
def test_what_is_bogus_says_why(signed_world: SignedWorld) -> None:
    told = dict(zip(ERRORS, _ask(signed_world, *ERRORS), strict=True))
    assert {name: one.rcode for name, one in told.items()} == dict.fromkeys(ERRORS, "SERVFAIL")
    assert {name: one.ede_code for name, one in told.items()} == ERRORS


@pytest.mark.rfc("RFC 4035 §4.3; RFC 9276 §3.2; RFC 8914 §4")
def test_what_is_insecure_is_answered_without_ad(signed_world: SignedWorld) -> None:
    told = dict(zip(INSECURE, _ask(signed_world, *INSECURE), strict=True))
    assert not any(one.ad or one.rcode == "SERVFAIL" for one in told.values())
    assert {name: one.ede_code for name, one in told.items()} == INSECURE


@pytest.mark.rfc("RFC 4035 §3.2.3")
def test_what_is_secure_has_ad(signed_world: SignedWorld) -> None:
    assert [one.ad for one in _ask(signed_world, *SECURE)] == [True] * len(SECURE)
