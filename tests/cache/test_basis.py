"""What a record is worth when it is read back: whose word it is, and how old."""

from __future__ import annotations

import pytest

from resolver.cache.basis import Basis, Times, checked_today, may_replace
from resolver.cache.record import Kind, Sealed, Stamp, standing
from resolver.model import Rank, Status
from resolver.protocol.codes import RRType
from tests.making import name

PUBLIC, TRUST, CORP = b"p" * 8, b"t" * 8, b"c" * 8
BASIS = Basis(PUBLIC, TRUST, {name("corp."): CORP}, validates=True)
WWW, INTRANET = name("www.example."), name("intranet.corp.")
BOOT, WALL, NOW = 7, 1.8e9, 5000.0


def sealed(
    *,
    way: bytes = PUBLIC,
    trust: bytes = TRUST,
    status: Status = Status.SECURE,
    left_s: float = 300.0,
) -> Sealed:
    stamp = Stamp(BOOT, WALL, NOW, left_s)
    return Sealed(Kind.RRSET, standing(Rank.AUTH_ANSWER, status), stamp, way, trust, b"")


def times(
    *,
    boot: int = BOOT,
    now: float = NOW + 100,
    wall: float = WALL + 100,
    is_sure: bool = True,
    stale_s: float = 1000.0,
) -> Times:
    return Times(boot, now, wall, is_sure, stale_s)


# --- trust ------------------------------------------------------------------------------------


def test_the_same_configuration_counts() -> None:
    assert BASIS.judges(sealed(), WWW, RRType.A) is True
    assert BASIS.judges(sealed(way=CORP), INTRANET, RRType.A) is True


def test_other_anchors_leave_public_data_to_be_validated_again() -> None:
    assert BASIS.judges(sealed(trust=b"o" * 8), WWW, RRType.A) is False


def test_other_anchors_forget_what_a_forwarder_said() -> None:
    """Nobody validates it again below the same forwarder as it was configured then."""
    assert BASIS.judges(sealed(way=CORP, trust=b"o" * 8), INTRANET, RRType.A) is None


def test_data_that_came_another_way_is_forgotten() -> None:
    """Of a zone that is forwarded now, of one that was, and by other root hints."""
    assert BASIS.judges(sealed(way=PUBLIC), INTRANET, RRType.A) is None
    assert BASIS.judges(sealed(way=CORP), WWW, RRType.A) is None
    assert BASIS._replace(public=b"h" * 8).judges(sealed(), WWW, RRType.A) is None


def test_without_validation_nothing_is_left_to_be_validated() -> None:
    assert BASIS._replace(validates=False).judges(sealed(trust=b"o" * 8), WWW, RRType.A) is None


def test_a_ds_is_its_parents() -> None:
    """The forward zone `corp.` says nothing of its own DS (RFC 4035 §3.1.4.1)."""
    assert BASIS.way(name("corp."), RRType.DS) == (None, PUBLIC)
    assert BASIS.way(name("corp."), RRType.A) == (name("corp."), CORP)


def test_a_signature_that_has_ended_since_is_validated_again() -> None:
    ends, begins = int(WALL + 50), int(WALL - 50)
    signature = bytes(8) + ends.to_bytes(4, "big") + begins.to_bytes(4, "big") + b"\0\0\0"
    assert checked_today(Status.SECURE, (signature,), WALL) is Status.SECURE
    assert checked_today(Status.SECURE, (signature,), WALL + 60) is Status.UNCHECKED
    assert checked_today(Status.SECURE, (signature,), WALL - 60) is Status.UNCHECKED
    assert checked_today(Status.INSECURE, (signature,), WALL + 60) is Status.INSECURE


# --- age --------------------------------------------------------------------------------------


def test_within_one_run_of_the_machine_the_wall_clock_does_not_matter() -> None:
    """It may be in 1970, in 2100, or have been set in between."""
    for wall in (0.0, WALL - 1e6, 4.2e9):
        found = times(wall=wall, is_sure=False).expires_at(sealed().stamp)
        assert found == NOW + 300


def test_over_a_restart_of_the_machine_the_wall_clock_counts() -> None:
    assert times(boot=8, now=20.0, wall=WALL + 100).expires_at(sealed().stamp) == 20.0 + 200


@pytest.mark.parametrize(
    ("wall", "is_sure"),
    [
        (0.0, True),  # 1970
        (WALL - 1, True),  # set back
        (WALL + 100, False),  # nobody vouches for it: it may stand where it stood at the shutdown
        (4.2e9, False),  # 2100
    ],
)
def test_where_no_clock_can_tell_a_record_is_expired_and_still_of_use(
    wall: float,
    is_sure: bool,  # noqa: FBT001
) -> None:
    found = times(boot=8, now=20.0, wall=wall, is_sure=is_sure).expires_at(sealed().stamp)
    assert found == 20.0


def test_an_unknown_boot_is_no_boots_equal() -> None:
    stamp = sealed().stamp._replace(boot=0)
    assert times(boot=0, wall=WALL + 200).expires_at(stamp) == NOW + 100 + 100


def test_a_clock_that_runs_behind_its_own_past_is_another_one() -> None:
    """A container may see a clock of its own (time_namespaces(7)) on the same boot."""
    assert times(now=10.0, wall=WALL + 100).expires_at(sealed().stamp) == 10.0 + 200


def test_what_has_expired_for_too_long_is_nothing() -> None:
    old = sealed(left_s=300)
    assert times(now=NOW + 1300, wall=WALL).expires_at(old.stamp) == NOW + 300
    assert times(now=NOW + 1301, wall=WALL).expires_at(old.stamp) is None


# --- replacing --------------------------------------------------------------------------------

SECURE, INSECURE, UNCHECKED = (
    sealed(status=status) for status in (Status.SECURE, Status.INSECURE, Status.UNCHECKED)
)


def test_less_never_replaces_more_that_has_not_expired() -> None:
    assert not may_replace(INSECURE, SECURE, times())
    assert not may_replace(UNCHECKED, INSECURE, times())
    assert may_replace(SECURE, INSECURE, times())
    assert may_replace(SECURE, SECURE, times())


def test_proven_insecurity_replaces_what_was_secure_once() -> None:
    assert may_replace(INSECURE, SECURE, times(now=NOW + 400))


def test_what_nobody_checked_never_replaces_what_may_be_told_in_an_outage() -> None:
    assert not may_replace(UNCHECKED, SECURE, times(now=NOW + 400))
    assert may_replace(UNCHECKED, SECURE, times(now=NOW + 1400))
    assert may_replace(UNCHECKED, UNCHECKED, times(now=NOW + 400))
