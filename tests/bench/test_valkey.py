"""The bench of machines that share: it asks right, it judges right, and its faults happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.valkey import __main__ as bench
from bench.valkey import first
from bench.valkey.authority import reply_to
from bench.valkey.faults import FAULTS, WITH_SENTINELS, happening
from bench.valkey.load import Load, Took
from bench.valkey.site import SHARING, Shape, site
from bench.valkey.truth import TTL_S, fault_of_untrusted
from resolver.protocol import names, wire
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path


QUERY = b"\0\7\1\0\0\1\0\0\0\0\0\0"


def _reply(text: str) -> bytes:
    reply = reply_to(QUERY + names.from_text(text).upper() + b"\0\1\0\1")
    assert reply is not None
    return reply


@pytest.mark.parametrize("label", ["k1", "u1n", "f1", "a1", "a1n", "g1", "g1n"])
def test_the_authority_tells_of_each_name_what_the_load_expects(label: str) -> None:
    name = names.from_text(f"{label}.bench.test.")
    assert fault_of_untrusted(_reply(f"{label}.bench.test."), name) == ""


@pytest.mark.parametrize(("told", "asked"), [
    ("k1", "k2"), ("k1", "g1"), ("k1", "a1"), ("a1", "k1"), ("a1", "a2"), ("g1", "k1"),
])  # fmt: skip
def test_what_is_told_of_another_name_is_wrong(told: str, asked: str) -> None:
    reply = _reply(f"{told}.bench.test.")
    assert fault_of_untrusted(reply, names.from_text(f"{asked}.bench.test."))


def test_a_ttl_that_grew_a_failure_and_garbage_are_wrong() -> None:
    name = names.from_text("k1.bench.test.")
    reply = _reply("k1.bench.test.")
    ttl_at = len(reply) - 10
    longer = reply[:ttl_at] + (TTL_S + 1).to_bytes(4, "big") + reply[ttl_at + 4 :]
    failed = reply[:3] + b"\2" + reply[4:]
    for octets in (longer, failed, reply[:20], b""):
        assert fault_of_untrusted(octets, name)


def test_the_authority_has_addresses_only_and_hears_questions_only() -> None:
    name = names.from_text("k1.bench.test.")
    other = reply_to(QUERY + name + b"\0\x1c\0\1")
    assert other is not None
    assert wire.parse_untrusted(other).answer == []
    query = QUERY + name + b"\0\1\0\1"
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
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing()))
def test_it_runs(tmp_path: Path, workers: int) -> None:
    """Seconds of it: names are found in Redis, and what is changed there is told to nobody."""
    tmp_path.chmod(0o755)
    with site(tmp_path, Shape(workers=workers)) as it:
        found = first.look_up(it, count=20)
        assert found.hits > 0
        for fault in ("killed", "poisoned", "foreign", "half_said"):
            load = Load(it, rate=10, label=fault.replace("_", "-"))
            with happening(it, fault):
                took = load.run(4)
            assert took.wrong == []
        assert it.counted("two")["valkey_wrong_total"] > 0
        assert it.troubles() == []


@pytest.mark.netns
@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing()))
def test_after_each_fault_it_is_shared_by_again(tmp_path: Path, fault: str) -> None:
    tmp_path.chmod(0o755)
    with site(tmp_path, Shape(has_sentinels=fault in WITH_SENTINELS)) as it:
        with happening(it, fault):
            assert Load(it, rate=10, label="a").run(10).wrong == []
        ends_at = time.monotonic() + 60
        while not all(it.counted(name)["valkey_up"] for name in SHARING):
            assert time.monotonic() < ends_at
            time.sleep(0.2)
        before = it.counted("two")["valkey_hits_total"]
        assert Load(it, rate=10, label="b").run(4).wrong == []
        assert it.counted("two")["valkey_hits_total"] > before
        assert it.troubles() == []
