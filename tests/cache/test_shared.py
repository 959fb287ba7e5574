"""What machines share is believed by its checksum, of its own name, at its true age."""

from __future__ import annotations

import pytest

from resolver.cache import record
from resolver.cache.negative import ANY_TYPE
from resolver.cache.record import Kind, Sealed, Stamp
from resolver.cache.shared import Shared, SharedTimes
from resolver.cache.store import CUT
from resolver.limits import SHARED_AHEAD_SECONDS, SHARED_VALUE_OCTETS
from resolver.protocol.codes import RRType
from tests.cache.shelf import NOW, WALL, FakeClock
from tests.making import name

SECRET = b"what all machines of the fleet have"
WWW = name("www.example.")


def _shared(secret: bytes = SECRET, *, prefix: str = "resolver:") -> Shared:
    shared = Shared(secret, FakeClock(), prefix=prefix, stale_s=100.0)
    shared.offset_s = WALL - NOW
    return shared


def _sealed(shared: Shared, key: bytes) -> bytes:
    made = Sealed(Kind.RRSET, 0, Stamp(0, WALL, WALL, 300.0), b"w" * 8, b"t" * 8, b"body")
    return record.seal(made, shared.sealing(key))


@pytest.mark.parametrize(
    ("rtype", "what"),
    [(RRType.A, b"A"), (65280, b"TYPE65280"), (ANY_TYPE, b"NXDOMAIN"), (CUT, b"DELEGATION")],
)
def test_a_key_says_of_what_it_is_and_keeps_a_name_together(rtype: int, what: bytes) -> None:
    shared = _shared()
    key = shared.name_of(WWW, rtype)
    assert key == b"resolver:{www.example.}" + what
    assert shared.whose_untrusted(key) == WWW


@pytest.mark.parametrize("text", [".", "a\\.b.example.", "\\{x\\}.example.", "\\000\\255.example."])
def test_every_name_comes_back_from_its_key(text: str) -> None:
    shared = _shared()
    assert shared.whose_untrusted(shared.name_of(name(text), RRType.A)) == name(text)


@pytest.mark.parametrize("key", [b"", b"resolver:", b"other:{a.}A", b"resolver:{", b"resolver:{}A",
                                 b"resolver:{\xff.}A", None, 5, b"resolver:{a..b}A"])  # fmt: skip
def test_whose_untrusted(key: object) -> None:
    assert _shared().whose_untrusted(key) is None


def test_what_is_right_is_believed() -> None:
    shared = _shared()
    key = shared.name_of(WWW, RRType.A)
    found = shared.open_untrusted(_sealed(shared, key), shared.sealing(key))
    assert found is not None
    assert (found.body, shared.wrong) == (b"body", 0)


@pytest.mark.parametrize(
    "other",
    [
        (SECRET, "resolver:", "www.example.", RRType.AAAA),
        (SECRET, "resolver:", "w.example.", RRType.A),
        (SECRET, "tests:", "www.example.", RRType.A),
        (b"another secret, of others", "resolver:", "www.example.", RRType.A),
    ],
)
def test_what_lay_under_another_name_is_not(other: tuple[bytes, str, str, int]) -> None:
    """Of another type, name, prefix or secret: a value moved there by somebody is counted."""
    secret, prefix, text, rtype = other
    there = _shared(secret, prefix=prefix)
    value = _sealed(there, there.name_of(name(text), rtype))
    shared = _shared()
    assert shared.open_untrusted(value, shared.sealing(shared.name_of(WWW, RRType.A))) is None
    assert shared.wrong == 1


def test_no_octet_can_be_changed_and_none_left_out() -> None:
    shared = _shared()
    key = shared.name_of(WWW, RRType.A)
    value, sealing = _sealed(shared, key), shared.sealing(key)
    for at in range(len(value)):
        changed = value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :]
        assert shared.open_untrusted(changed, sealing) is None
        assert shared.open_untrusted(value[:at], sealing) is None
    assert shared.open_untrusted(value + b"x", sealing) is None
    assert shared.wrong == 2 * len(value) + 1


@pytest.mark.parametrize("value", [None, 5, "text", [b"a"], {b"a": b"b"}, 1.5, True])
def test_what_is_no_octets_is_counted(value: object) -> None:
    shared = _shared()
    assert shared.open_untrusted(value) is None
    assert shared.wrong == 1


@pytest.mark.reaches("SHARED_VALUE_OCTETS")
def test_a_large_value_is_not_looked_at() -> None:
    shared = _shared()
    made = Sealed(Kind.RRSET, 0, Stamp(0, WALL, WALL, 300.0), b"w" * 8, b"t" * 8, b"")
    fill = SHARED_VALUE_OCTETS - len(record.seal(made, shared.key))
    assert shared.open_untrusted(record.seal(made._replace(body=bytes(fill)), shared.key))
    assert (
        shared.open_untrusted(record.seal(made._replace(body=bytes(fill + 1)), shared.key)) is None
    )


# --- age -------------------------------------------------------------------------------------


def _left(*, wall: float = 0.0, there: float = 0.0) -> float | None:
    """What is left of 300 s, where 100 have passed, and our clock, or that of Redis as we see it,
    is off by so much."""
    times = SharedTimes(NOW, WALL + 100 + wall, WALL + 100 + there, 1000.0)
    ends_at = times.expires_at(Stamp(0, WALL, WALL, 300.0))
    return None if ends_at is None else ends_at - NOW


def test_a_record_is_as_old_as_it_is() -> None:
    assert _left() == 200


@pytest.mark.parametrize("off", [-50.0, -86_400.0, 50.0, 150.0])
def test_whatever_a_machines_clock_says_a_ttl_is_never_too_long(off: float) -> None:
    """Slow or fast, the writer's or ours: it is the difference that counts."""
    left = _left(wall=off)
    assert left == 200 - max(off, 0)


def test_whatever_redis_says_of_the_time_a_ttl_is_never_too_long() -> None:
    """It says that no time has passed: our own clocks know better."""
    assert _left(there=-100.0) == 200
    assert _left(there=50.0) == 150


@pytest.mark.reaches("SHARED_AHEAD_SECONDS")
def test_what_is_of_the_future_by_redis_is_dropped() -> None:
    assert _left(there=-100 - 0.9 * SHARED_AHEAD_SECONDS) == 200
    assert _left(there=-100 - 1.1 * SHARED_AHEAD_SECONDS) is None


def test_what_is_over_is_of_use_for_as_long_as_in_memory() -> None:
    assert _left(wall=1150.0) == -950
    assert _left(wall=1250.0) is None


def test_without_its_clock_nothing_has_an_age() -> None:
    shared = _shared()
    shared.offset_s = None
    assert shared.times(NOW) is None
