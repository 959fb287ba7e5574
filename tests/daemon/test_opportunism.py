"""Which servers speak TLS outlives the process; what is read back is anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from resolver.daemon.keepsakes import Opportunism
from resolver.errors import WireError
from resolver.upstream.encrypted import Encryption
from resolver.upstream.opportunity import KeptOpportunity
from tests.daemon.persisting import life
from tests.recurse.household import WALL, slow_village
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.upstream.encrypted import Encrypted

KNOWN = [
    KeptOpportunity("192.0.2.1", works=True, age_s=5.0),
    KeptOpportunity("192.0.2.2", works=False, age_s=10.0),
]


def encrypted(*, is_on: bool = True) -> Encrypted:
    found = World().dispatcher.encrypted
    found.go_by(Encryption(is_opportunistic=is_on))
    return found


def test_what_is_kept_comes_back_older() -> None:
    one = encrypted()
    kept = Opportunism(one, "opportunism", now=lambda: 100.0)
    kept.take_back_untrusted(msgspec.json.encode(KNOWN), 60.0)
    assert one.opportunist is not None
    found = one.opportunist.snapshot(100.0)
    assert found == [each._replace(age_s=each.age_s + 60) for each in KNOWN]
    octets, newest = kept.octets()
    assert msgspec.json.decode(octets, type=list[KeptOpportunity]) == found
    assert newest == 35.0


def test_where_it_is_off_nothing_is_kept_and_nothing_comes_back() -> None:
    one = encrypted(is_on=False)
    kept = Opportunism(one, "opportunism", now=lambda: 100.0)
    kept.take_back_untrusted(msgspec.json.encode(KNOWN), 60.0)
    assert kept.octets() == (b"[]", float("-inf"))


def test_without_a_time_nothing_is_known() -> None:
    one = encrypted()
    Opportunism(one, "o", now=lambda: 0.0).take_back_untrusted(msgspec.json.encode(KNOWN), None)
    assert one.opportunist is not None
    assert one.opportunist.snapshot(0.0) == []


def _seeking(config: Config) -> Config:
    return replace(config, outgoing=replace(config.outgoing, opportunistic=True))


@pytest.mark.rfc("RFC 9539")
@trio_test
async def test_what_is_known_comes_back_after_a_restart(tmp_path: Path) -> None:
    async with life(slow_village(), tmp_path, _seeking) as home:
        before = home.daemon.parts.dispatcher.encrypted.opportunist
        assert before is not None
        before.restore(KNOWN, away_s=0.0, now=trio.current_time())
        await trio.sleep(5)
    async with life(slow_village(), tmp_path, _seeking, wall=WALL + 60) as home:
        await trio.sleep(0.1)
        after = home.daemon.parts.dispatcher.encrypted.opportunist
        assert after is not None
        found = after.snapshot(trio.current_time())
    assert [(one.host, one.works) for one in found] == [(one.host, one.works) for one in KNOWN]
    assert all(one.age_s > KNOWN[at].age_s + 50 for at, one in enumerate(found))


_ages = st.floats(allow_nan=True)
_rows = st.tuples(st.one_of(st.text(), st.just("192.0.2.1")), st.booleans(), _ages)


@given(st.one_of(st.binary(), st.lists(_rows).map(msgspec.json.encode)))
@example(b'[["192.0.2.1", true, 1e400]]')
def test_opportunism_untrusted(octets: bytes) -> None:
    kept = Opportunism(encrypted(), "opportunism", now=lambda: 0.0)
    try:
        kept.take_back_untrusted(octets, 1.0)
    except WireError:
        return
    again, _ = kept.octets()
    kept.take_back_untrusted(again, 1.0)
