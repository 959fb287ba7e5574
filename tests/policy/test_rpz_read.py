"""The text of policy zones: what counts, what is counted as bad."""

from __future__ import annotations

import dns.name
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import RPZ_BAD_SHARE, RPZ_LINE_OCTETS
from resolver.policy.rpz_read import read_untrusted
from resolver.policy.rpz_triggers import trigger_of
from resolver.policy.rpz_zone import PolicyZone
from resolver.protocol import names
from tests.policy.rpz_making import HEAD, ZONE, zone_of

TRICKY = r"""$TTL 1h
$ORIGIN rpz.test.
bad.example CNAME .          ; a comment
*.bad.example IN 60 CNAME *.
up.EXAMPLE 60 IN CNAME rpz-drop.
data.example A 192.0.2.1
             AAAA 2001:db8::1
             TXT "a;b" ( "c(d"
               "e" )
             MX 10 mail
$ORIGIN sub.rpz.test.
deep CNAME .
@ CNAME .
$ORIGIN .
abs.rpz.test CNAME walled.garden.
esc\.aped.rpz.test CNAME .
nuli.rpz.test TYPE65280 \# 2 0102
"""


def told(zone: PolicyZone) -> dict[str, list[tuple[int, int, bytes]]]:
    return {
        names.to_text(trigger_of(key)): sorted((one.rtype, one.ttl, one.rdata) for one in rules)
        for key, rules in zone.rules.items()
    }


def test_a_zone_means_what_dnspython_reads_in_it() -> None:
    """RFC 1035 §5: origins, TTLs, brackets, quotes, escapes, an owner that is left out."""
    zone = zone_of(TRICKY)
    assert zone.report.bad == 0
    oracle = dns.zone.from_text(HEAD + TRICKY, "rpz.test.", relativize=False)
    wanted: dict[str, list[tuple[int, int, bytes]]] = {}
    for owner, rdataset in oracle.iterate_rdatasets():
        trigger = owner.relativize(dns.name.from_text("rpz.test."))
        if len(trigger.labels) and trigger.to_text() != "@":
            text = names.to_text((owner.to_wire() or b"").lower()).removesuffix("rpz.test.")
            found = wanted.setdefault(text, [])
            found += [(int(rdataset.rdtype), rdataset.ttl, one.to_wire()) for one in rdataset]
    assert told(zone) == {owner: sorted(found) for owner, found in wanted.items()}


def test_what_a_zone_has_for_its_own_sake_triggers_nothing() -> None:
    """NS and DNSSEC are left out whatever their owner (PowerDNS #4402)."""
    zone = zone_of("@ NS other.\nx.example NS ns.\nx.example DS 1 8 2 " + "0" * 64 + "\n")
    assert zone.rules == {}
    assert zone.soa is not None
    assert (zone.soa.serial, zone.soa.times) == (7, (3600, 600, 86400, 60))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x.example A 192.0.2", "A with data that is none"),
        ("x.example CNAME", "a CNAME has one target"),
        ("x.example NONSENSE 1", "is no type of record"),
        ("x.example", "a record without a type"),
        ("x.example A", "a record without data"),
        ("outside.example. A 192.0.2.1", "is outside the zone"),
        ("$INCLUDE other.zone", "is not followed here"),
        ("$GENERATE 1-9 a$ CNAME .", "is not followed here"),
        ('x.example TXT "open', "never closed"),
        ("x.example TXT ( open", "never closed"),
        ("x..example CNAME .", "is no domain name"),
        ("x.example DNAME y.", "no use for"),
        ("33.1.2.0.192.rpz-ip CNAME .", "a prefix of 33 bits"),
        ("bücher.example CNAME .", "is no domain name"),
    ],
)
def test_a_bad_record_is_counted_and_told_and_the_next_one_counts(line: str, why: str) -> None:
    zone = zone_of(f"{line}\n" if "(" in line else f"{line}\ngood.example CNAME .\n")
    assert zone.report.bad == 1
    assert zone.report.shown[0].startswith("line 3: ")
    assert why in zone.report.shown[0]
    assert len(zone.rules) == ("(" not in line)


def test_a_trigger_has_an_alias_or_data() -> None:
    zone = zone_of("x CNAME .\nx A 192.0.2.1\ny A 192.0.2.1\ny CNAME .\nx CNAME .\n")
    assert zone.report.bad == 2
    assert [len(rules) for rules in zone.rules.values()] == [1, 1]


def test_only_the_first_bad_records_are_told() -> None:
    good = "".join(f"g{number} CNAME .\n" for number in range(100))
    zone = zone_of(good + "x A nothing\n" * 9)
    assert (zone.report.bad, len(zone.report.shown)) == (9, 5)


@pytest.mark.reaches("RPZ_BAD_SHARE")
def test_what_is_mostly_no_zone_is_none_at_all() -> None:
    """A page of HTML in a zone's place leaves the zone before in force."""
    good = "".join(f"g{number} CNAME .\n" for number in range(100))
    most = int((102 * RPZ_BAD_SHARE) / (1 - RPZ_BAD_SHARE))
    assert zone_of(good + "x A nothing\n" * most).report.bad == most
    with pytest.raises(WireError, match="records say nothing; line 103"):
        zone_of(good + "x A nothing\n" * (most + 1))
    with pytest.raises(WireError):
        read_untrusted([b"<!doctype html>\n"] * 3, PolicyZone(ZONE, 10))


@pytest.mark.reaches("RPZ_LINE_OCTETS")
def test_no_line_and_no_brackets_without_end() -> None:
    half = "a" * (RPZ_LINE_OCTETS // 2 + 9)
    good = "".join(f"g{number} CNAME .\n" for number in range(100))
    zone = zone_of(f"{good}{'x' * (RPZ_LINE_OCTETS + 1)}\ny TXT ( {half}\n{half}\nz CNAME .\n")
    why = "a record that is too long"
    assert zone.report.shown == [f"line 103: {why}", f"line 104: {why}"]
    assert len(zone.rules) == 101


@pytest.mark.reaches("RPZ_ENTRIES")
def test_triggers_beyond_the_most_are_left_out_and_counted() -> None:
    zone = zone_of("".join(f"g{number} CNAME .\n" for number in range(9)), most=7)
    assert (len(zone.rules), zone.report.left_out) == (7, 2)


LINES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([line.encode() for line in TRICKY.splitlines(keepends=True)]),
    ),
    max_size=12,
)


@given(LINES)
def test_read_untrusted_fills_a_zone_or_raises_wire_error(lines: list[bytes]) -> None:
    zone = PolicyZone(ZONE, 100)
    try:
        read_untrusted(lines, zone)
    except WireError:
        return
    for key in zone.rules:
        trigger_of(key)
