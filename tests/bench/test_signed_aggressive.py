"""Each gap of a signed zone is asked for once, whoever asks for what in it (RFC 8198)."""

from __future__ import annotations

import pytest

from bench.signed import aggressive
from tests import real_data

POPULAR = [f"popular{number}.example" for number in range(60)]
KEYS = 1  # the zone's DNSKEY is a query too
NAMES = 200


@pytest.mark.rfc("RFC 8198 §5.1; RFC 8198 §5.2; RFC 9077 §3")
def test_below_signed_tlds_each_gap_is_asked_once() -> None:
    """NSEC and NSEC3 alike; what opts out is asked for every time."""
    rows = {row.zone: row for row in aggressive.tld_rows(NAMES, POPULAR)}
    assert {row.without for row in rows.values()} == {NAMES + KEYS}
    assert all(rows[zone].packets <= rows[zone].hit + KEYS for zone in ("se.", "br.", "ch.", "cz."))
    assert rows["com."].packets == NAMES + KEYS


@pytest.mark.rfc("RFC 8198 §5.1")
@pytest.mark.skipif(not real_data.FOLDER.is_dir(), reason="no RESOLVER_TEST_DATA")
def test_at_the_authentic_root_each_gap_is_asked_once() -> None:
    row = aggressive.root_row(300)
    assert row.packets <= row.hit + KEYS
    assert row.without == 300 + KEYS
