"""A line of the query log has one form, and whatever stands in a file is read or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import Ede, WireError
from resolver.model import Source
from resolver.protocol.codes import Rcode
from resolver.protocol.transport import Client, Transport
from resolver.telemetry.events import Answered
from resolver.telemetry.query_lines import (
    Line,
    Mark,
    is_failure,
    line_untrusted,
    octets_of,
    of_answered,
    text_of,
)
from tests.making import question

CLIENT = Client("192.0.2.1", 5353, Transport.TLS)
WWW = question("www.example. AAAA")


def test_a_line_says_what_became_of_a_query_and_leaves_out_what_is_empty() -> None:
    failed = Answered(
        CLIENT, "guests", WWW, Rcode.SERVFAIL, Source.NETWORK, 0.03125,
        (Ede(22, "nobody home"), Ede(23)), ("192.0.2.10", "192.0.2.20"), "", "fra1",
    )  # fmt: skip
    assert octets_of(of_answered(failed, text_of(1_785_000_000_123), "")) == (
        b'{"t":"2026-07-25T17:20:00.123Z","name":"www.example.","type":"AAAA",'
        b'"rcode":"SERVFAIL","ms":31.2,"from":"network","ede":[22,23],"server":"192.0.2.20",'
        b'"instance":"fra1","transport":"tls","view":"guests"}\n'
    )
    proven = failed._replace(servers=(*failed.servers, "198.41.0.4"), answered_by="192.0.2.20")
    assert of_answered(proven, "", "").server == "192.0.2.20"
    unread = Answered(CLIENT, "default", None, None, Source.LOCAL, 0.0)
    assert octets_of(of_answered(unread, "", "192.0.2.0/24")) == (
        b'{"t":"","name":"","type":"","rcode":"","ms":0.0,"from":"local","transport":"tls",'
        b'"view":"default","client":"192.0.2.0/24"}\n'
    )


@pytest.mark.parametrize(
    ("rcode", "source", "failed"),
    [
        (Rcode.NOERROR, Source.NETWORK, False),
        (Rcode.NXDOMAIN, Source.CACHE, False),
        (Rcode.SERVFAIL, Source.NETWORK, True),
        (Rcode.FORMERR, Source.LOCAL, True),
        (None, Source.LOCAL, True),
        (Rcode.REFUSED, Source.BLOCKED, False),
    ],
)
def test_what_policy_forbids_is_no_failure(
    rcode: int | None,
    source: Source,
    failed: bool,  # noqa: FBT001
) -> None:
    event = Answered(CLIENT, "default", WWW, rcode, source, 0.0)
    assert is_failure(event) is failed
    assert of_answered(event, "", "").is_failure is failed


def test_what_was_written_is_read_again() -> None:
    line = Line(
        t="2026-07-25T17:20:00.123Z", name='a\\"b.', type="A", rcode="NOERROR", ms=1.5,
        source="stale", ede=(3,), transport="udp", view="default", client="::1",
    )  # fmt: skip
    mark = Mark(t="2026-07-25T17:20:00.123Z", event="stop", dropped=7)
    assert line_untrusted(octets_of(line)) == line
    assert line_untrusted(octets_of(mark)) == mark


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_line_untrusted_returns_or_raises_wire_error(octets: bytes) -> None:
    try:
        found = line_untrusted(octets)
    except WireError:
        return
    assert isinstance(found, Line | Mark)
