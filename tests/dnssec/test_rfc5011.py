"""Key rollovers of a trust anchor, in months that pass in no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.dnssec.anchors import Anchor
from resolver.dnssec.rfc5011 import DAY, KeyState, ManagedAnchor, observe, start
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.data import parsed
from tests.dnssec.world import WALL, Zone

if TYPE_CHECKING:
    from resolver.model import RRset


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

    def see(self, rrset: RRset) -> bool:
        steps = observe(self.managed, rrset, wall=self.wall)
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
