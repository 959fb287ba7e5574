"""A response policy zone as a block list: its QNAME triggers."""

from __future__ import annotations

import pytest

from resolver.errors import WireError
from resolver.policy.list_parse import ListParser
from resolver.policy.list_rules import Reach, Rewrite, text_of
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.policy.list_making import Heap, report_of

ZONE = """$TTL 300
$ORIGIN rpz.example.
@       IN SOA localhost. root.localhost. (
            1       ; serial
            3600 600 86400 60 )
        IN NS  localhost.
bad.example              CNAME .
*.bad.example            CNAME .
nodata.example  60 IN    CNAME *.
absolute.example.rpz.example. CNAME .
drop.example             CNAME rpz-drop.
good.example             CNAME rpz-passthru.
told.example             A     192.0.2.1
                         AAAA  2001:db8::1
other.example            CNAME walled.example.
text.example             TXT   "two words" ; why
32.1.2.0.192.rpz-ip      CNAME .
ns.evil.example.rpz-nsdname CNAME .
tcp.example              CNAME rpz-tcp-only.
"""


def heap_of(text: str) -> Heap:
    heap = Heap()
    ListParser(heap).read_untrusted(text.encode().splitlines(keepends=True))
    return heap


def test_triggers_on_names_are_rules() -> None:
    heap = heap_of(ZONE)
    assert [(text_of(key), reach) for key, reach, _ in heap.plains] == [
        ("bad.example", Reach.EXACT), ("bad.example", Reach.BELOW),
        ("nodata.example", Reach.EXACT), ("absolute.example", Reach.EXACT),
        ("drop.example", Reach.EXACT),
    ]  # fmt: skip
    assert [one[2] for one in heap.plains] == [7, 8, 9, 10, 11]
    good, *told = heap.specials
    assert (text_of(good.key), good.allows) == ("good.example", True)
    rewrites = [(text_of(one.key), one.terms.rewrite) for one in told if one.terms is not None]
    assert rewrites == [
        ("told.example", Rewrite(0, RRType.A, bytes([192, 0, 2, 1]))),
        ("told.example", Rewrite(0, RRType.AAAA, bytes.fromhex("20010db8" + "0" * 23 + "1"))),
        ("other.example", Rewrite(0, RRType.CNAME, names.from_text("walled.example."))),
        ("text.example", Rewrite(0, RRType.TXT, b"\x09two words")),
    ]


def test_other_triggers_are_set_aside_and_counted() -> None:
    report = report_of(ZONE)
    assert (report.form, report.rules, report.aside, report.bad) == ("rpz", 10, 3, 0)


@pytest.mark.parametrize(
    "line",
    ["@ CNAME .", "bad.example", "$INCLUDE other", "far.example. CNAME .", "x.example NOTHING y",
     "x.example A"],
)  # fmt: skip
def test_what_is_no_record_is_bad(line: str) -> None:
    assert report_of(f"{ZONE}{line}\n").bad == 1


@pytest.mark.parametrize(
    "line",
    ["0.0.0.0 a.example # CNAME of a tracker", "a.example ; CNAME", "x.example CNAME .",
     "0.0.0.0 soa", "two CNAME words"],
)  # fmt: skip
def test_a_line_that_reads_like_a_record_makes_no_zone_of_a_list(line: str) -> None:
    hosts = "".join(f"0.0.0.0 n{number}.example\n" for number in range(20))
    for text in (f"{line}\n{hosts}", f"{hosts}{line}\n"):
        report = report_of(text)
        assert report.form == "auto"
        assert report.rules >= 20


@pytest.mark.parametrize(
    "head",
    [
        "$TTL 60\n",
        "@ IN SOA ns. h. 1 2 3 4 5\n",
        "rpz.test. 60 SOA ns. h. (\n1\n2\n3\n4\n5 )\n",
        "",
    ],
)
def test_a_zone_is_known_by_its_head_or_by_most_of_its_lines(head: str) -> None:
    report = report_of(
        f"{head}a.example CNAME .\nb.example 60 IN CNAME *.\nc.example A 192.0.2.1\n"
    )
    assert (report.form, report.rules, report.bad) == ("rpz", 3, 0)


def test_a_bracket_that_is_never_closed_ends() -> None:
    with pytest.raises(WireError):
        heap_of("$TTL 1\n@ SOA a. b. (\n" + "1\n" * 200)


def test_without_an_origin_absolute_names_are_the_triggers_themselves() -> None:
    assert [text_of(key) for key, _, _ in heap_of("bad.example. CNAME .\n").plains] == [
        "bad.example"
    ]
