"""What the lines of a list say, and what is no list at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import LIST_LINE_OCTETS
from resolver.policy import list_parse
from resolver.policy.list_parse import ListParser, cancelled_in
from resolver.policy.list_rules import Reach, text_of
from tests.policy.list_making import Heap
from tests.support import set_limit

if TYPE_CHECKING:
    from resolver.policy.list_parse import Report


def parsed(text: str | bytes, form: str = "auto") -> tuple[Report, set[tuple[str, int]]]:
    """What is said of names without conditions."""
    heap = Heap()
    octets = text.encode() if isinstance(text, str) else text
    report = ListParser(heap, form=form).read_untrusted(octets.splitlines(keepends=True))
    return report, {(text_of(key), reach) for key, reach, _ in heap.plains}


BELOW, EXACT = Reach.AND_BELOW, Reach.EXACT


@pytest.mark.parametrize(
    ("line", "name", "reach"),
    [
        ("0.0.0.0 ads.example", "ads.example", EXACT),
        ("127.0.0.1\tads.example # why", "ads.example", EXACT),
        ("::1 ads.example", "ads.example", EXACT),
        ("  0.0.0.0   ADS.Example.  ", "ads.example", EXACT),
        ("ads.example", "ads.example", BELOW),
        ("ads.example.", "ads.example", BELOW),
        ("ads.example # why", "ads.example", BELOW),
        ("*.ads.example", "ads.example", BELOW),
        ("_dmarc.ads.example", "_dmarc.ads.example", BELOW),
        ("bücher.example", "xn--bcher-kva.example", BELOW),
        ("0.0.0.0 пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f", EXACT),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", BELOW),
    ],
)
def test_a_line_names_what_it_is_about(line: str, name: str, reach: int) -> None:
    """Hosts files name one host; whoever lists a domain means all of it."""
    report, found = parsed(f"{line}\n")
    assert found == {(name, reach)}
    assert (report.rules, report.bad) == (1, 0)


def test_a_mark_windows_line_ends_and_remarks_say_nothing() -> None:
    text = b"\xef\xbb\xbfads.example\r\n\r\n# a remark\r\n! another\r\n[Adblock Plus 2.0]\r\n"
    report, found = parsed(text)
    assert found == {("ads.example", BELOW)}
    assert (report.lines, report.rules, report.bad) == (5, 1, 0)


def test_what_every_hosts_file_begins_with_blocks_nobody() -> None:
    text = """127.0.0.1 localhost
127.0.0.1 localhost.localdomain
255.255.255.255 broadcasthost
::1 ip6-localhost ip6-loopback
fe80::1%lo0 localhost
ff02::1 ip6-allnodes
0.0.0.0 0.0.0.0
0.0.0.0 ads.example more.example
"""
    report, found = parsed(text)
    assert found == {("ads.example", EXACT), ("more.example", EXACT)}
    assert report.bad == 0


def test_bad_lines_are_counted_and_the_first_five_are_shown_with_their_numbers() -> None:
    bad = ["two words", "-", "a..b", "x" * 64 + ".example", "com", "bad.exa mple", "1.2.3"]
    good = [f"n{number}.example" for number in range(100)]
    heap = Heap()
    lines = [f"{line}\n".encode() for line in (*bad, *good)]
    report = ListParser(heap, name="ours").read_untrusted(lines)
    assert (report.bad, report.rules) == (len(bad), len(good))
    assert [one.split(": ")[0] for one in report.shown] == [f"ours:{n}" for n in range(1, 6)]


@pytest.mark.parametrize("line", ["0.0.0.0", "127.0.0.1 ", "::1", "127.0.0.1 # gone"])  # noqa: S104
def test_a_hosts_line_that_has_lost_its_name_is_bad(line: str) -> None:
    """It would block every answer that has that address."""
    good = "".join(f"n{number}.example\n" for number in range(9))
    assert (report := parsed(f"{good}{line}\n")[0]).bad == 1
    assert report.shown[0].startswith("list:10: an address without a name")


def test_a_name_longer_than_names_can_be_is_bad() -> None:
    long = ".".join(["a" * 63] * 4)
    report, found = parsed(f"{long}\n" + "".join(f"n{n}.example\n" for n in range(9)))
    assert report.bad == 1
    assert len(found) == 9


@pytest.mark.parametrize(
    "octets",
    [
        b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
        b"\xef\xbb\xbf  <html>\n",
        b"<?xml version='1.0'?>\n",
        b'{"error": "gone"}\n',
        b"\x1f\x8b\x08\x00\x00binary",
        "ads.example\n".encode("utf-16"),
        b"MZ\x00\x01",
    ],
)
def test_a_page_or_a_program_is_no_list(octets: bytes) -> None:
    with pytest.raises(WireError, match="and no list"):
        parsed(octets)


@pytest.mark.reaches("LIST_BAD_SHARE")
def test_what_says_nothing_in_more_than_a_fifth_of_its_lines_is_no_list() -> None:
    good = "".join(f"n{number}.example\n" for number in range(80))
    assert parsed(good + "no thing\n" * 20)[0].bad == 20
    with pytest.raises(WireError, match="21 of 101 lines"):
        parsed(good + "no thing\n" * 21)


def test_what_is_all_for_browsers_is_no_list() -> None:
    with pytest.raises(WireError, match="for a resolver"):
        parsed("##.banner\nexample.com##.ad\naddress=/ads.example/\n")


@pytest.mark.reaches("LIST_BAD_SHOWN")
def test_no_more_bad_lines_are_shown_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, list_parse, "LIST_BAD_SHOWN", 2)
    good = "".join(f"n{number}.example\n" for number in range(80))
    assert len(parsed("no thing\n" * 4 + good)[0].shown) == 2


@pytest.mark.reaches("LIST_LINES")
def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_parse, "LIST_LINES", 3)
    parsed("a.example\n" * 3)
    with pytest.raises(WireError, match="more than 3 lines"):
        parsed("a.example\n" * 4)


@pytest.mark.reaches("LIST_LINE_OCTETS")
def test_a_line_that_is_too_long_is_bad() -> None:
    good = "a.example\n" * 10
    report, found = parsed(good + "||" + "b" * LIST_LINE_OCTETS + "\n")
    assert (report.bad, found) == (1, {("a.example", BELOW)})


@pytest.mark.reaches("LIST_PROBE_LINES")
def test_what_a_list_is_shows_in_its_first_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_parse, "LIST_PROBE_LINES", 2)
    assert parsed("; a zone\nbad.example CNAME .\n" + "worse.example CNAME .\n")[0].form == "rpz"
    good = "a.example\n" * 10
    assert parsed(good + "bad.example CNAME .\n")[0].form == "auto"


@pytest.mark.parametrize(
    ("form", "line", "is_bad"),
    [
        ("hosts", "0.0.0.0 ads.example", False),
        ("hosts", "ads.example", True),
        ("hosts", "||ads.example^", True),
        ("domains", "ads.example", False),
        ("domains", "zip", False),
        ("domains", "0.0.0.0 ads.example", True),
        ("domains", "||ads.example^", True),
        ("adblock", "||ads.example^", False),
        ("adblock", "ads.example", False),
        ("adblock", "0.0.0.0 ads.example", False),
        ("rpz", "ads.example CNAME .", False),
        ("rpz", "ads.example", True),
    ],
)
def test_a_format_that_is_asked_for_holds_for_every_line(
    form: str,
    line: str,
    is_bad: bool,  # noqa: FBT001
) -> None:
    if is_bad:
        with pytest.raises(WireError, match="1 of 1 lines"):
            parsed(f"{line}\n", form)
    else:
        assert parsed(f"{line}\n", form)[0].rules == 1


def test_an_address_alone_is_about_that_address() -> None:
    heap = Heap()
    lines = [b"192.0.2.66\n", b"2001:db8::66\n", b"||198.51.100.7^\n"]
    ListParser(heap).read_untrusted(lines)
    assert [rule.key for rule in heap.specials] == [
        b"\xff" + bytes([192, 0, 2, 66]),
        b"\xff" + bytes.fromhex("20010db8" + "0" * 22 + "66"),
        b"\xff" + bytes([198, 51, 100, 7]),
    ]


def test_a_badfilter_switches_off_the_rule_that_reads_the_same() -> None:
    """However its modifiers are ordered, and in whichever list it is."""
    lines = [
        b"||ads.example^\n", b"||more.example^$important,dnstype=A\n", b"left.example\n",
        b"||ads.example^$badfilter\n", b"||more.example^$dnstype=A,badfilter,important\n",
        b"left.example$badfilter\n", b"||stays.example^\n",
    ]  # fmt: skip
    heap = Heap()
    ListParser(heap, cancelled=frozenset(cancelled_in(lines))).read_untrusted(lines)
    assert [text_of(key) for key, _, _ in heap.plains] == ["stays.example"]
    assert heap.specials == []


_LINES = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"(@@)?\|?\|?[a-z0-9.*-]{0,20}\^?(\$[a-z=|~;,.0-9']{0,30})?", fullmatch=True),
        st.from_regex(r"/[a-z0-9.*+?()\[\]{}|^$\\]{0,20}/", fullmatch=True),
        st.from_regex(r"[0-9a-f.:]{1,20} [a-z.]{1,20}", fullmatch=True),
        st.from_regex(
            r"[@*a-z.]{0,12} +(IN )?(CNAME|A|TXT|SOA|\() *[a-z.*()0-9\"]{0,20}", fullmatch=True
        ),
    ),
    max_size=20,
)


@given(_LINES, st.sampled_from(["auto", "hosts", "domains", "adblock", "rpz"]))
def test_read_untrusted(lines: list[str], form: str) -> None:
    """No line raises anything, whatever it says; each is counted once, or says nothing."""
    octets = [line.encode("utf-8", "surrogatepass") + b"\n" for line in lines]
    cancelled = frozenset(cancelled_in(octets))
    try:
        report = ListParser(Heap(), form=form, cancelled=cancelled).read_untrusted(octets)
    except WireError:
        return
    assert report.lines == len(octets)
    assert report.bad <= 0.2 * (report.bad + report.rules)
