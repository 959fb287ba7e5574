"""Odd servers, one at a time: the answer comes wherever there is a way to it.

The catalogue is that of `python -m bench.odd`, which has the peers beside us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.odd.oddities import ODDITIES
from resolver.errors import ResolutionFailed
from tests.support import trio_test
from tests.upstream.odd import odd_house

if TYPE_CHECKING:
    from bench.odd.making import Oddity

# Nobody can answer for these: what they say over every transport says nothing.
NEVER = {
    "edns-servfail", "edns-refused", "tc-with-data-no-tcp", "tc-tcp-refused", "tc-tcp-mute",
    "tc-tcp-closes", "tc-tcp-closes-after-length", "tc-tcp-wrong-length", "tc-tcp-servfail",
}  # fmt: skip
# Without EDNS there are no signatures (RFC 3225 §3).
NEVER_SIGNED = {
    "edns-formerr", "edns-formerr-opt", "edns-formerr-header",
    "edns-notimp", "edns-notimp-opt", "edns-badvers", "edns-silence", "edns-ignored",
    "do-formerr", "do-silence",
}  # fmt: skip
QUESTIONS = 3  # the first, the first with all that was learnt from it, and one more

CASES = [(oddity, is_signed) for oddity in ODDITIES for is_signed in (False, True)]


def _never(oddity: Oddity, *, is_signed: bool) -> bool:
    return oddity.name in NEVER or (is_signed and oddity.name in NEVER_SIGNED)


def _name(value: object) -> str:
    return ("signed" if value else "plain") if isinstance(value, bool) else value.name  # type: ignore[attr-defined]


@pytest.mark.rfc("RFC 6891 §6.2.2")
@pytest.mark.rfc("RFC 7873 §5.3")
@pytest.mark.parametrize(
    ("oddity", "is_signed"),
    [case for case in CASES if not _never(case[0], is_signed=case[1])],
    ids=_name,
)
@trio_test
async def test_an_odd_server_is_understood(oddity: Oddity, *, is_signed: bool) -> None:
    """Also by what was remembered of it: the second and third question are answered too."""
    async with odd_house(oddity, is_signed=is_signed) as house:
        told = [await house.ask(number) for number in range(QUESTIONS)]
    assert [one.answers > 0 for one in told] == [True] * QUESTIONS
    assert {one.status for one in told} == {"secure" if is_signed else "insecure"}


@pytest.mark.parametrize(
    ("oddity", "is_signed"),
    [case for case in CASES if _never(case[0], is_signed=case[1])],
    ids=_name,
)
@trio_test
async def test_where_nobody_can_answer_it_is_said_so(oddity: Oddity, *, is_signed: bool) -> None:
    async with odd_house(oddity, is_signed=is_signed) as house:
        with pytest.raises(ResolutionFailed):
            await house.ask()
