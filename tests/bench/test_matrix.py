"""The bench of mixes: what is called a reason, and a small run of it on real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.matrix.draw import KINDS, draw
from bench.matrix.reasons import Difference, reason_for
from bench.matrix.run import Draw, hear
from resolver.protocol.codes import Rcode
from tests.iterate.matrix_cases import Beside, Case, More, Said
from tests.iterate.matrix_rules import Seen, is_secure, right
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path

CASE = Case(int(Rcode.NXDOMAIN), True, False, Said.DATA, Beside.SOA, More.NOTHING)  # noqa: FBT003


def test_a_sample_is_the_same_again() -> None:
    assert draw(50, 3, "signed") == draw(50, 3, "signed")
    assert draw(50, 3, "signed") != draw(50, 4, "signed")


@pytest.mark.parametrize(
    ("seen", "word"),
    [(Seen.DATA, "becomes NOERROR"), (Seen.ODD, "told with it"), (Seen.NEXT, "of no use")],
)
def test_a_difference_has_the_reason_of_its_kind(seen: Seen, word: str) -> None:
    found = reason_for(Difference(CASE, False, right(CASE), seen, False))  # noqa: FBT003
    assert found is not None
    assert word in found.label


def test_what_no_peer_may_do_has_no_reason() -> None:
    """Data of a useless reply, say: a difference that nobody has explained is shown as such."""
    case = CASE._replace(rcode=int(Rcode.REFUSED))
    assert reason_for(Difference(case, False, right(case), Seen.DATA, False)) is None  # noqa: FBT003


@pytest.mark.netns
@pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing()))
@pytest.mark.parametrize("kind", KINDS)
def test_ours_does_as_the_rules_say_on_real_sockets(kind: str, tmp_path: Path) -> None:
    heard = hear("ours", Draw(draw(40, 5, kind), kind, 5), tmp_path / kind)
    assert len(heard) == 80
    for scene, got in heard.items():
        wanted = right(scene.case)
        assert got.seen is (wanted.alone if scene.alone else wanted.beside), str(scene.case)
        assert got.is_secure == is_secure(scene.case, got.seen), str(scene.case)
