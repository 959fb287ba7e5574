"""Records as the configuration has them: as people write them, and which line is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.local_text import BadRecord, LocalRecord, local_records
from resolver.limits import LOCAL_TTL_SECONDS
from resolver.protocol.codes import RRType
from tests.making import name, rdata

NAS, ADDRESS = name("nas.home.arpa."), b"\xc0\xa8\1\x0a"


@pytest.mark.parametrize(
    "line",
    [
        "nas.home.arpa. 60 A 192.168.1.10",
        "NAS.home.arpa 60 IN A 192.168.1.10 ; the box",
        "nas.home.arpa. A 192.168.1.10",
        "nas.home.arpa. IN A 192.168.1.10",
        "\n\n  \nnas.home.arpa. 1m A 192.168.1.10\n",
    ],
)
def test_a_record_is_written_as_one_likes(line: str) -> None:
    assert local_records(line) == (LocalRecord(NAS, RRType.A, LOCAL_TTL_SECONDS, ADDRESS),)


def test_all_types_are_understood_and_targets_are_lower_case() -> None:
    text = """
    www.home.arpa. 300 CNAME Web.Example.COM.
    home.arpa. MX 10 mail.home.arpa.
    srv.home.arpa. HTTPS 1 . alpn=h2
    x.home.arpa. TYPE65280 \\# 2 abcd
    x.home.arpa. TXT "two words" ( "over"
        "lines" )
    """
    found = {(owner, rtype): octets for owner, rtype, _, octets in local_records(text)}
    assert found[name("www.home.arpa."), RRType.CNAME] == name("web.example.com.")
    assert found[name("home.arpa."), RRType.MX] == rdata("MX", "10 mail.home.arpa.")
    assert found[name("x.home.arpa."), 65280] == b"\xab\xcd"
    assert found[name("x.home.arpa."), RRType.TXT] == b"\x09two words\x04over\x05lines"
    assert len(found) == 5
    assert {ttl for _, _, ttl, _ in local_records(text)} == {300, LOCAL_TTL_SECONDS}


def test_several_records_of_a_name_stay_apart() -> None:
    found = local_records("a. A 10.0.0.1\na. A 10.0.0.2\na. AAAA fd00::1")
    assert [(rtype, len(octets)) for _, rtype, _, octets in found] == [(1, 4), (1, 4), (28, 16)]


@pytest.mark.parametrize(
    ("text", "number", "line"),
    [
        ("a. A 10.0.0.1\nb. A nowhere\nc. A 10.0.0.1", 2, "b. A nowhere"),
        ("a. B 10.0.0.1", 1, "a. B 10.0.0.1"),
        ("a..b. A 10.0.0.1", 1, "a..b. A 10.0.0.1"),
        ("a. A", 1, "a. A"),
        ("\n\n$INCLUDE /etc/passwd", 3, "$INCLUDE /etc/passwd"),
        ("a. 60 CH A 10.0.0.1", 1, "a. 60 CH A 10.0.0.1"),
    ],
)
def test_a_line_that_is_no_record_is_named(text: str, number: int, line: str) -> None:
    with pytest.raises(BadRecord) as caught:
        local_records(text)
    assert (caught.value.number, caught.value.text) == (number, line)
    assert "<" not in caught.value.expected
    assert caught.value.expected.startswith('a record such as "nas.home.arpa. 60 A 192.168.1.10"')


@given(st.text(alphabet='aA. 10\n"\\;()$@*\x00é\t', max_size=60))
def test_text_is_records_or_is_refused(text: str) -> None:
    try:
        for record in local_records(text):
            assert record.owner.endswith(b"\0")
    except BadRecord:
        pass
