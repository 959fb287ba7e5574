"""Local names: what has records, what its zone's mode says of the rest, and for whom."""

from __future__ import annotations

import pytest

from resolver.limits import LOCAL_SLICE_LINES, LOCAL_TTL_SECONDS
from resolver.model import DROPPED, Query, Source, Status
from resolver.policy.local import SPECIAL
from resolver.policy.local_records import LocalData, LocalRecords, Zone
from resolver.policy.local_table import Table, drained, reverse_name
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.message import Message
from tests.making import name, question, record, rrset


def table(*lines: str) -> Table:
    made = Table((*SPECIAL, name("corp.")))
    for line in lines:
        owner, rtype, _, ttl, rdata = record(line)
        made.add(owner, rtype, rdata, ttl)
        if rtype in (RRType.A, RRType.AAAA) and not names.is_wildcard(owner):
            made.add_pointer(rdata, owner)
    return made.whole()


NAMES = table(
    "nas.home.arpa. 60 A 192.168.1.10",
    "nas.home.arpa. 60 TXT box",
    "www.example.com. 60 A 192.168.1.11",
    "*.lab.example. 60 A 192.168.1.12",
    "one.lab.example. 60 TXT one",
    "deep.below.two.lab.example. 60 A 192.168.1.13",
    "alias.example. 60 CNAME www.example.org.",
)


def step(
    *zones: Zone, mode: str = "transparent", tags: frozenset[str] = frozenset(), seen: str = ""
) -> LocalRecords:
    data = LocalData(zones, (NAMES,), mode=mode, tags=seen.split())
    return LocalRecords(data, tags)


def said(made: LocalRecords, text: str) -> tuple[int, list[bytes]] | None:
    """The rcode and the data of ANSWER; None: it is not local."""
    answer = made.answer(question(text))
    if answer is None:
        return None
    return answer.rcode, [rdata for one in answer.answer for rdata in one.rdatas]


def host(last: int) -> bytes:
    return bytes([192, 168, 1, last])


NODATA: tuple[int, list[bytes]] = (Rcode.NOERROR, [])
NXDOMAIN: tuple[int, list[bytes]] = (Rcode.NXDOMAIN, [])
REFUSED: tuple[int, list[bytes]] = (Rcode.REFUSED, [])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("nas.home.arpa. A", (0, [host(10)])),
        ("nas.home.arpa. TXT", (0, [b"\3box"])),
        ("nas.home.arpa. AAAA", NODATA),
        ("nas.home.arpa. HTTPS", NODATA),
        ("10.1.168.192.in-addr.arpa. PTR", (0, [name("nas.home.arpa.")])),
        ("1.168.192.in-addr.arpa. PTR", NODATA),  # there is something below
        ("home.arpa. A", None),  # the zone's own top, with its SOA: local zones tell of it
        ("x.nas.home.arpa. A", None),
        ("2.168.192.in-addr.arpa. PTR", None),
        ("example.com. A", None),  # public, though there is something below
        ("www.example.com. A", (0, [host(11)])),
        ("www.example.org. A", None),
    ],
)
def test_what_has_records_is_answered_from_here_and_the_rest_is_not(
    asked: str, expected: tuple[int, list[bytes]] | None
) -> None:
    assert said(step(), asked) == expected


@pytest.mark.rfc("RFC 4592 §2.2.1")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("a.lab.example. A", (0, [host(12)])),
        ("a.b.lab.example. A", (0, [host(12)])),
        ("a.lab.example. AAAA", NODATA),
        ("lab.example. A", None),
        ("one.lab.example. TXT", (0, [b"\3one"])),
        ("one.lab.example. A", NODATA),
        ("x.one.lab.example. A", None),  # one.lab.example is the closest encloser
        ("*.lab.example. A", (0, [host(12)])),
        ("below.two.lab.example. A", None),  # an empty non-terminal
        ("x.two.lab.example. A", None),
    ],
)
def test_a_wildcard_stands_for_what_is_below_no_other_name(
    asked: str, expected: tuple[int, list[bytes]] | None
) -> None:
    assert said(step(), asked) == expected


def test_an_answer_is_ours_and_nobody_signed_it() -> None:
    answer = step().answer(question("nas.home.arpa. A"))
    assert answer is not None
    assert answer.answer == (rrset("nas.home.arpa. 60 A 192.168.1.10"),)
    assert (answer.status, answer.is_authoritative) == (Status.INSECURE, True)
    assert (answer.source, answer.onward) == (Source.LOCAL, None)
    nodata = step().answer(question("nas.home.arpa. MX"))
    assert nodata is not None
    ((owner, rtype, ttl, _, _),) = nodata.authority
    assert (owner, rtype, ttl) == (name("nas.home.arpa."), RRType.SOA, LOCAL_TTL_SECONDS)


def test_any_gets_all_and_another_class_nothing() -> None:
    found = step().answer(question("nas.home.arpa. ANY"))
    assert found is not None
    assert len(found.answer) == 2
    chaos = Message.asking(question("nas.home.arpa. A")._replace(qclass=RRClass.CH), 0)
    assert step().before(Query(chaos)) is None


def test_an_alias_leads_on() -> None:
    answer = step().answer(question("alias.example. AAAA"))
    assert answer is not None
    assert answer.answer == (rrset("alias.example. 60 CNAME www.example.org."),)
    assert answer.onward == question("www.example.org. AAAA")
    itself = step().answer(question("alias.example. CNAME"))
    assert itself is not None
    assert itself.onward is None


# --- modes ----------------------------------------------------------------------------------------


def corp(mode: str, *lines: str, tags: str = "") -> Zone:
    return Zone(name("corp."), mode, table(*lines), frozenset(tags.split()))


DATA = ("corp. 60 A 192.168.1.20", "x.y.corp. 60 A 192.168.1.21")
AT, BELOW, EMPTY, TYPE, NONE, APEX = (
    "x.y.corp. A", "z.x.y.corp. A", "y.corp. A", "x.y.corp. TXT", "none.corp. A", "corp. TXT",
)  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # AT BELOW EMPTY TYPE NONE APEX
        ("transparent", ("data", None, None, NODATA, None, NODATA)),
        ("typetransparent", ("data", None, None, None, None, None)),
        ("static", ("data", NXDOMAIN, NODATA, NODATA, NXDOMAIN, NODATA)),
        ("redirect", ("data", "apex", "apex", NODATA, "apex", NODATA)),
        ("refuse", ("data", REFUSED, REFUSED, NODATA, REFUSED, NODATA)),
        ("always_nxdomain", (NXDOMAIN,) * 6),
        ("always_nodata", (NODATA,) * 6),
        ("always_refuse", (REFUSED,) * 6),
        ("always_transparent", (None,) * 6),
        ("nodefault", ("data", None, None, NODATA, None, NODATA)),
    ],
)
def test_the_mode_says_what_becomes_of_names_without_records(
    mode: str, expected: tuple[object, ...]
) -> None:
    values = {"data": (0, [host(21)]), "apex": (0, [host(20)])}
    wanted = [values.get(one, one) if isinstance(one, str) else one for one in expected]
    made = step(corp(mode, *DATA))
    assert [said(made, asked) for asked in (AT, BELOW, EMPTY, TYPE, NONE, APEX)] == wanted


def test_some_modes_say_nothing_or_nobody_s_address() -> None:
    asked = question(NONE)
    refused = step(corp("refuse")).answer(asked)
    assert refused is not None
    assert refused.sources == (Source.REFUSED,)  # it is counted so
    assert step(corp("deny")).answer(asked) is DROPPED
    assert step(corp("always_deny", *DATA)).answer(question(AT)) is DROPPED
    null = step(corp("always_null"))
    assert said(null, "a.corp. A") == (0, [bytes(4)])
    assert said(null, "a.corp. AAAA") == (0, [bytes(16)])
    assert said(null, "a.corp. TXT") == NODATA


def test_one_family_is_kept_back() -> None:
    v4, v6 = step(corp("block_a")), step(corp("block_aaaa"))
    asked = ("a.corp. A", "a.corp. AAAA", "a.corp. TXT")
    assert [said(v4, one) for one in asked] == [NODATA, None, None]
    assert [said(v6, one) for one in asked] == [None, NODATA, None]


@pytest.mark.parametrize(
    ("mode", "below", "other"),
    [
        ("transparent", None, NODATA),
        ("typetransparent", None, None),
        ("static", NXDOMAIN, NODATA),
        ("redirect", (0, [host(11)]), NODATA),
    ],
)
def test_names_outside_of_zones_have_a_mode_too(mode: str, below: object, other: object) -> None:
    made = step(mode=mode)
    assert said(made, "a.b.www.example.com. A") == below
    assert said(made, "www.example.com. AAAA") == other
    assert said(made, "example.org. A") is None


def test_a_zone_s_own_soa_ends_its_denials() -> None:
    soa = "corp. 300 SOA ns.corp. me.corp. 1 2 3 4 5"
    answer = step(corp("static", soa)).answer(question(NONE))
    assert answer is not None
    assert answer.authority == (rrset(soa),)


def test_a_redirection_to_a_wildcard_keeps_the_name() -> None:
    made = step(corp("redirect", "corp. 60 CNAME *.walled.garden."))
    answer = made.answer(question("www.corp. A"))
    assert answer is not None
    assert answer.onward == question("www.corp.walled.garden. A")
    long = ".".join(["x" * 60] * 4) + ".corp. A"
    assert said(made, long) == (Rcode.YXDOMAIN, [])


def test_the_closest_zone_counts_and_names_of_files_lie_in_it() -> None:
    inner = Zone(name("nas.home.arpa."), "static", table("nas.home.arpa. 60 AAAA fd00::1"))
    outer = Zone(name("home.arpa."), "always_nxdomain", table())
    made = step(inner, outer)
    assert said(made, "nas.home.arpa. A") == (0, [host(10)])
    assert said(made, "nas.home.arpa. AAAA") == (0, [bytes.fromhex("fd00") + bytes(13) + b"\1"])
    assert said(made, "x.nas.home.arpa. A") == NXDOMAIN
    assert said(made, "x.home.arpa. A") == NXDOMAIN


# --- for whom -------------------------------------------------------------------------------------


def test_a_zone_with_a_tag_is_for_views_that_have_it_and_before_one_for_all() -> None:
    """CVE-2026-55708: what is one view's never shows in another."""
    mine = corp("static", "nas.corp. 60 A 192.168.1.31", tags="home office")
    theirs = corp("static", "nas.corp. 60 A 192.168.1.32", tags="guests")
    everyone = corp("static", "nas.corp. 60 A 192.168.1.33")
    found: dict[str, object] = {}
    for tags in ("home", "guests", "other", "home guests", ""):
        made = step(mine, theirs, everyone, tags=frozenset(tags.split()))
        found[tags] = said(made, "nas.corp. A")
        pointer = said(made, "32.1.168.192.in-addr.arpa. PTR")
        assert (pointer is not None) == (tags == "guests")
    assert found == {
        "home": (0, [host(31)]), "guests": (0, [host(32)]), "other": (0, [host(33)]),
        "home guests": (0, [host(31)]), "": (0, [host(33)]),
    }  # fmt: skip
    assert said(step(mine, tags=frozenset({"guests"})), "nas.corp. A") is None


def test_names_with_tags_are_for_views_that_have_one() -> None:
    asked = "nas.home.arpa. A"
    assert said(step(seen="home"), asked) is None
    assert said(step(seen="home", tags=frozenset({"home"})), asked) == (0, [host(10)])
    data = LocalData((), (NAMES,), tags=("home",))
    assert not data.is_seen_by(frozenset({"guests"}))
    assert data.is_seen_by(frozenset({"home", "guests"}))


# --- tables ---------------------------------------------------------------------------------------


def test_what_a_file_says_next_takes_its_place() -> None:
    data = LocalData((), (), (table("a.example. 60 A 192.168.1.1"),))
    made = LocalRecords(data)
    other = table("a.example. 60 A 192.168.1.2")
    assert data.follow([other])
    assert not data.follow([other])
    assert said(made, "a.example. A") == (0, [host(2)])


def test_a_table_is_freed_in_slices() -> None:
    big = Table()
    for number in range(1000):
        big.add(name(f"n{number}."), RRType.A, b"\1\2\3\4")
    sizes = [len(big.names) for _ in drained(big)]
    assert sizes[-1] == 0
    assert len(sizes) == 1000 // LOCAL_SLICE_LINES


def test_two_sources_of_a_name_come_together() -> None:
    first, second = table("a. 60 A 192.168.1.1"), table("a. 9 A 192.168.1.2", "a. 9 TXT x")
    made = LocalRecords(LocalData((), (first, second)))
    assert said(made, "a. A") == (0, [host(1), host(2)])
    assert said(made, "a. TXT") == (0, [b"\1x"])


@pytest.mark.parametrize(
    ("address", "reverse"),
    [
        (b"\xc0\xa8\1\x0a", "10.1.168.192.in-addr.arpa."),
        (
            bytes.fromhex("20010db8") + bytes(11) + b"\xab",
            "b.a." + "0." * 22 + "8.b.d.0.1.0.0.2.ip6.arpa.",
        ),
    ],
)
def test_reverse_names(address: bytes, reverse: str) -> None:
    assert reverse_name(address) == name(reverse)
