"""RFC 8976's own zones, and the real root."""

from __future__ import annotations

import pytest

from resolver.dnssec.zonemd import Completeness, ZoneRecord, verify
from resolver.protocol import names
from tests.dnssec.data import FOLDER, MISSING, records

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=MISSING)
ZONES = FOLDER / "dnssec" / "zonemd-rfc8976"


@pytest.mark.parametrize("path", sorted(ZONES.glob("*.zone")), ids=lambda path: path.name[:3])
def test_the_appendix(path: object) -> None:
    """A.1 to A.5: all digests are right; one record less, and they are wrong."""
    text = path.read_text()  # type: ignore[attr-defined]
    origin = next(line for line in text.splitlines() if line[:1] != ";").split()[0]
    zone = [ZoneRecord(*one) for one in records(text, origin)]
    apex = next(one.owner for one in zone if one.rtype == 6)
    assert verify(apex, zone) is Completeness.RIGHT
    assert verify(apex, zone + zone[:3]) is Completeness.RIGHT
    assert verify(apex, [one for one in zone if one.rtype != 2]) is Completeness.WRONG
    without = [one for one in zone if one.rtype != 63]
    assert verify(apex, without) is Completeness.ABSENT


def test_what_is_not_in_the_zone_is_left_out() -> None:
    path = next(ZONES.glob("A.1*"))
    zone = [ZoneRecord(*one) for one in records(path.read_text(), "example.")]
    apex = names.from_text("example.")
    stray = ZoneRecord(names.from_text("a.test."), 1, 5, b"\1\2\3\4")
    assert verify(apex, [*zone, stray]) is Completeness.RIGHT
