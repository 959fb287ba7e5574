"""Key rollovers of a trust anchor, in months that pass in no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.dnssec.anchors import Anchor
from resolver.dnssec.rfc5011 import DAY, KeyState, ManagedAnchor, adopt, observe, start
from resolver.dnssec.steps import AtLeast
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.data import parsed
from tests.dnssec.signed_zones import WALL, Zone

if TYPE_CHECKING:
    from resolver.dnssec.steps import Watch
    from resolver.model import RRset
    from resolver.protocol.rdata_fields import Rrsig


class Rollover:
    """A zone whose DNSKEY RRset is signed by some of its keys, and who watches it."""

    def __init__(self) -> None:
        self.wall = float(WALL)
        self.zones = [Zone(names.from_text("example.")) for _ in range(3)]
        for zone, algorithm in zip(self.zones, (13, 14, 15), strict=True):
            zone.prepare_keys(algorithm)
        self.keys = [zone.data[zone.apex, RRType.DNSKEY][0] for zone in self.zones]
        self.managed = start(
            Anchor(self.zones[0].apex, self.zones[0].ds), self.rrset([0]), wall=WALL
        )

    def rrset(self, present: list[int], signers: list[int] | None = None) -> RRset:
        return self.signed([self.keys[i] for i in present], signers or present[:1])

    def signed(self, rdatas: list[bytes], signers: list[int]) -> RRset:
        zone = self.zones[0]
        window = (int(self.wall) - DAY, int(self.wall) + 10 * DAY)
        signer = Zone(zone.apex, keys=[self.zones[i].keys[0] for i in signers], window=window)
        return signer.signed_rrset(zone.apex, RRType.DNSKEY, rdatas)

    def see(self, rrset: RRset, watch: Watch | None = None) -> bool:
        steps = observe(self.managed, rrset, wall=self.wall, watch=watch)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return bool(stop.value)

    def states(self) -> dict[int, KeyState]:
        return {self.keys.index(key.rdata): key.state for key in self.managed.keys}


@pytest.mark.reaches("ANCHOR_HOLD_DOWN_SECONDS")
@pytest.mark.rfc("RFC 5011 §2.4.1")
def test_a_new_key_is_trusted_after_thirty_days() -> None:
    """RFC 5011 §2.4.1: and only if it stayed."""
    roll = Rollover()
    assert roll.see(roll.rrset([0, 1]))
    assert roll.states() == {0: KeyState.VALID, 1: KeyState.ADD_PENDING}
    roll.wall += 29 * DAY
    roll.see(roll.rrset([0, 1]))
    assert roll.managed.trusted() == (roll.keys[0],)
    roll.wall += 2 * DAY
    roll.see(roll.rrset([0, 1]))
    assert roll.states() == {0: KeyState.VALID, 1: KeyState.VALID}
    assert roll.see(roll.rrset([0, 1], [1]))


def test_a_pending_key_that_leaves_starts_again() -> None:
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    roll.wall += 20 * DAY
    roll.see(roll.rrset([0]))
    assert roll.states() == {0: KeyState.VALID}
    roll.see(roll.rrset([0, 1]))
    roll.wall += 20 * DAY
    roll.see(roll.rrset([0, 1]))
    assert roll.states()[1] is KeyState.ADD_PENDING


def test_a_set_that_no_trusted_key_signed_changes_nothing() -> None:
    """An attacker who shows a new key for thirty days gains nothing."""
    roll = Rollover()
    assert not roll.see(roll.rrset([1, 2], [1]))
    assert roll.states() == {0: KeyState.VALID}
    assert roll.managed.next_check_s <= DAY


def test_a_key_out_of_sight_is_missing_but_trusted() -> None:
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    roll.wall += 31 * DAY
    roll.see(roll.rrset([0, 1]))
    roll.see(roll.rrset([1], [1]))
    assert roll.states() == {0: KeyState.MISSING, 1: KeyState.VALID}
    assert roll.see(roll.rrset([0, 1], [0]))
    assert roll.states() == {0: KeyState.VALID, 1: KeyState.VALID}


@pytest.mark.rfc("RFC 5011 §2.1")
def test_a_key_that_signs_its_revocation_is_never_trusted_again() -> None:
    """RFC 5011 §2.1."""
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    roll.wall += 31 * DAY
    roll.see(roll.rrset([0, 1]))
    revoked = roll.keys[0][:1] + bytes((roll.keys[0][1] | 0x80,)) + roll.keys[0][2:]
    # without its own signature the revocation is anybody's claim
    roll.see(roll.signed([revoked, roll.keys[1]], [1]))
    assert roll.states()[0] is KeyState.MISSING
    private = roll.zones[0].keys[0][0]
    public = parsed(RRType.DNSKEY, revoked)
    kept = roll.zones[0].keys
    roll.zones[0].keys = [(private, public)]
    roll.see(roll.signed([revoked, roll.keys[1]], [0, 1]))
    roll.zones[0].keys = kept
    assert roll.states()[0] is KeyState.REVOKED
    assert roll.managed.trusted() == (roll.keys[1],)
    roll.see(roll.rrset([0, 1], [1]))
    roll.wall += 31 * DAY
    roll.see(roll.rrset([0, 1], [1]))
    assert roll.states()[0] is KeyState.REMOVED


def test_state_survives_the_disk() -> None:
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    assert ManagedAnchor.from_json(roll.managed.to_json()) == roll.managed
    for damaged in (b"", b"{}", b'{"zone": 1}', roll.managed.to_json()[:-5]):
        with pytest.raises(ValueError, match="not a managed trust anchor"):
            ManagedAnchor.from_json(damaged)


@pytest.mark.rfc("RFC 5011 §2.3")
def test_the_next_look_is_within_bounds() -> None:
    """RFC 5011 §2.3: half of TTL or signature life, an hour at least, fifteen days at most."""
    roll = Rollover()
    roll.see(roll.rrset([0])._replace(ttl=60))
    assert roll.managed.next_check_s == 3600
    roll.see(roll.rrset([0])._replace(ttl=86_400 * 60))
    assert 3600 <= roll.managed.next_check_s <= 15 * DAY


# --- the operator's word, and the clock's ---------------------------------------------------------


def test_what_the_operator_configures_counts_after_rolls_that_were_missed() -> None:
    """Off while the zone rolled twice: the state knows no key of it, a new release does."""
    roll = Rollover()
    assert not roll.see(roll.rrset([2]))
    newer = Anchor(roll.managed.name, roll.zones[2].ds)
    assert newer.ds[0] in roll.managed.anchor(newer).ds
    adopt(roll.managed, newer, roll.rrset([2]), wall=roll.wall)
    assert roll.see(roll.rrset([2]))
    assert roll.states() == {0: KeyState.MISSING, 2: KeyState.VALID}


def test_a_pending_key_that_the_operator_vouches_for_waits_no_longer() -> None:
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    by_key = Anchor(roll.managed.name, keys=(roll.keys[1],))
    assert set(roll.managed.anchor(by_key).keys) == {roll.keys[0], roll.keys[1]}
    adopt(roll.managed, by_key, roll.rrset([0, 1]), wall=roll.wall)
    assert roll.states()[1] is KeyState.VALID


@pytest.mark.rfc("RFC 5011 §2.1")
@pytest.mark.parametrize("state", [KeyState.REVOKED, KeyState.REMOVED])
def test_a_revocation_outdoes_the_configured_anchor(state: KeyState) -> None:
    roll = Rollover()
    roll.managed.keys[0].state = state
    by_ds = Anchor(roll.managed.name, roll.zones[0].ds, (roll.keys[0],))
    adopt(roll.managed, by_ds, roll.rrset([0]), wall=roll.wall)
    assert roll.states() == {0: state}
    assert roll.managed.anchor(by_ds) == Anchor(roll.managed.name)  # deleted (RFC 5011 §5)


class Doubt:
    """A clock that cannot be right."""

    def __init__(self, wall: float) -> None:
        self.wall = wall

    def witness(self, rrsig: Rrsig) -> float:
        del rrsig
        return self.wall

    def is_plausible(self) -> bool:
        return False

    def suspect(self, sentence: str) -> None:
        raise AssertionError(sentence)


def test_no_key_begins_or_ends_its_thirty_days_on_a_clock_that_cannot_be_right() -> None:
    roll = Rollover()
    doubt = Doubt(roll.wall)
    roll.see(roll.rrset([0, 1]), doubt)
    assert roll.states() == {0: KeyState.VALID}
    roll.see(roll.rrset([0, 1]))
    roll.wall = doubt.wall = roll.wall + 40 * DAY
    roll.see(roll.rrset([0, 1]), doubt)
    assert roll.states() == {0: KeyState.VALID, 1: KeyState.ADD_PENDING}
    roll.see(roll.rrset([0, 1]))
    assert roll.states() == {0: KeyState.VALID, 1: KeyState.VALID}


def test_a_key_first_seen_on_a_clock_that_was_ahead_waits_thirty_days_not_years() -> None:
    roll = Rollover()
    roll.see(roll.rrset([0, 1]))
    for key in roll.managed.keys:
        key.since += 3000 * DAY
    roll.see(roll.rrset([0, 1]))
    roll.wall += 31 * DAY
    roll.see(roll.rrset([0, 1]))
    assert roll.states()[1] is KeyState.VALID


def test_the_state_can_be_kept_whatever_is_known_of_the_time() -> None:
    """A machine that nobody has told the time keeps its anchors too."""
    roll = Rollover()
    least = AtLeast(roll.wall)
    adopt(roll.managed, Anchor(roll.managed.name, roll.zones[1].ds), roll.rrset([0, 1]), wall=least)
    roll.see(roll.rrset([0, 1, 2]), Doubt(least))
    roll.wall = AtLeast(roll.wall)
    roll.see(roll.rrset([0, 1, 2]))
    assert ManagedAnchor.from_json(roll.managed.to_json()) == roll.managed
    assert {type(key.since) for key in roll.managed.keys} == {float}


def test_a_state_with_a_key_that_is_cut_short_is_refused() -> None:
    roll = Rollover()
    roll.managed.keys[0].rdata = b"\1\1\3\x0d"
    with pytest.raises(ValueError, match="cut short"):
        ManagedAnchor.from_json(roll.managed.to_json())
