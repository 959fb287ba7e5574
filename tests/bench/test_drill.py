"""What a drill says of each name of a small place, and what it then comes to."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.drill.outcomes import Compared, compared, link_ms
from bench.gibbard.situations import Situation, Tld, at, away, home, roots

PLACE = Situation(roots=roots(home(5), 150), home=home(), abroad=away(200))
HOME_TLD = at(PLACE, "T1", "a TLD at home", Tld("aa", (*away(150), *home())), cut="the link")
FAR_TLD = at(PLACE, "T2", "a TLD abroad", Tld("aa", away(150)), cut="the link")


@pytest.mark.parametrize(("situation", "unknown"), [(HOME_TLD, 16), (FAR_TLD, 0)])
def test_what_is_said_is_what_comes(situation: Situation, unknown: int) -> None:
    """Fresh, stale or not, at once, an hour, a day and a week after the cut."""
    found = compared(situation)
    assert [one for one in found if not one.is_equal] == []
    known = [one for one in found if one.said != "unknown"]
    assert len(found) - len(known) == unknown
    assert [one for one in known if one.said != one.came] == []
    kinds = Counter(one.came for one in known)
    assert min(kinds[kind] for kind in ("fresh", "stale", "failed")) > 5


def test_what_was_measured_tells_it_too() -> None:
    """Without being told who is spared: where far begins is enough."""
    far_ms = link_ms(FAR_TLD)
    assert far_ms == 78.0
    found = compared(FAR_TLD, far_ms=far_ms)
    assert [one for one in found if not one.is_equal or one.said == "unknown"] == []
    beside = at(PLACE, "T3", "near and far alike", Tld("aa", (*away(4), *home())), cut="it")
    assert link_ms(beside) is None


def test_what_is_not_known_cannot_be_wrong_and_all_else_can() -> None:
    asked = compared(FAR_TLD)[0].asked
    assert Compared(asked, 0.0, "unknown", "failed").is_equal
    assert Compared(asked, 0.0, "stale", "fresh").is_equal
    assert not Compared(asked, 0.0, "stale", "failed").is_equal
    assert not Compared(asked, 0.0, "failed", "fresh").is_equal
