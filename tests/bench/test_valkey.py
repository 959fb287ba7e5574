"""The bench of machines that share: it asks right, it judges right, and its faults happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.valkey import __main__ as bench
from bench.valkey import first
from bench.valkey.authority import address_of, reply_to
from bench.valkey.faults import FAULTS, happening
from bench.valkey.load import Load, Took
from bench.valkey.site import site
from resolver.protocol import names, wire
from resolver.protocol.codes import Rcode
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path


def test_the_authority_tells_of_each_name_what_the_load_expects() -> None:
    name = names.from_text("a1.bench.test.")
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0" + name.upper() + b"\0\1\0\1"
    reply = reply_to(query)
    assert reply is not None
    found = wire.parse_untrusted(reply)
    assert (found.rcode, found.answer[0].rdata) == (Rcode.NOERROR, address_of(name))
    other = reply_to(query[:-3] + b"\x1c\0\1")
    assert other is not None
    assert wire.parse_untrusted(other).answer == []
    assert [reply_to(octets) for octets in (b"", query[:14], query[:-1])] == [None] * 3


def _took(*, new_ms: float = 20.5, known_ms: float = 1.0) -> Took:
    took = Took()
    for kind, with_ms in (("new", new_ms), ("known", known_ms)):
        took.by["two", kind] = [with_ms] * 100
        took.by["alone", kind] = [20.0] * 100
    return took


@pytest.mark.parametrize(
    ("fault", "new_ms", "is_good"),
    [
        ("healthy", 20.9, True),
        ("healthy", 21.1, False),
        ("hung", 24.9, True),
        ("hung", 25.1, False),
    ],
)
def test_a_bar_is_missed_by_a_p99_that_is_worse(
    fault: str,
    new_ms: float,
    is_good: bool,  # noqa: FBT001
) -> None:
    assert bench.row(fault, _took(new_ms=new_ms))[1] == is_good


def test_nothing_may_be_wrong_or_lost() -> None:
    for what in ("wrong", "lost"):
        took = _took()
        getattr(took, what).append("a")
        assert not bench.row("healthy", took)[1]


@pytest.mark.netns
@pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing()))
def test_it_runs(tmp_path: Path) -> None:
    """Seconds of it: names are found in Redis, and what is changed there is told to nobody."""
    tmp_path.chmod(0o755)
    with site(tmp_path, delay_ms=20) as it:
        found = first.look_up(it, count=20)
        assert found.hits > 0
        for number, fault in enumerate(("killed", "poisoned")):
            load = Load(it, rate=10, label=f"{number}")
            with happening(it, fault):
                took = load.run(4)
            assert took.wrong == []
            assert took.by["two", "known"]
        assert it.troubles() == []
    assert set(FAULTS) >= {"hung", "full", "cut_off", "emptied", "slow"}
