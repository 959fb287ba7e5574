"""SVCB as dnspython writes it, and what is refused of anybody's."""

from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.protocol.names import from_text
from resolver.protocol.svcb import Service, service_untrusted


def written(text: str) -> bytes:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.SVCB, text)
    octets = rdata.to_wire()
    assert octets is not None
    return octets


TARGET = from_text("dns.example.net")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 DNS.example.net. alpn=dot", Service(1, TARGET, (b"dot",))),
        (
            (
                "2 dns.example.net. alpn=h2,h3 port=8443 dohpath=/q{?dns} "
                "ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"
            ),
            Service(
                2, TARGET, (b"h2", b"h3"), 8443, "/q{?dns}",
                ("192.0.2.1", "192.0.2.2", "2001:db8::1"),
            ),
        ),
        ("3 dns.example.net. mandatory=alpn,port alpn=doq port=853 key65400=x",
         Service(3, TARGET, (b"doq",), 853)),
    ],
)  # fmt: skip
def test_what_a_record_offers(text: str, found: Service) -> None:
    assert service_untrusted(written(text)) == found


@pytest.mark.rfc("RFC 9462 §4")
@pytest.mark.parametrize(
    "text",
    [
        "0 dns.example.net.",  # an alias: another record says more
        "1 . alpn=dot",  # nobody can prove to be resolver.arpa
        "1 dns.example.net. mandatory=key65400 alpn=dot key65400=x",
        "1 dns.example.net. alpn=dot port=0",
    ],
)
def test_what_is_of_no_use(text: str) -> None:
    with pytest.raises(WireError):
        service_untrusted(written(text))


HEAD = b"\0\1" + TARGET


@pytest.mark.parametrize(
    "parameters",
    [b"\0\3\0\1\5", b"\0\4\0\3abc", b"\0\6\0\4abcd", b"\0\1\0\2\5a", b"\0\1\0\1\0", b"\0\7\0\1\xff",
     b"\0\1\0\7", b"\0\0\0\1a"],
)  # fmt: skip
def test_malformed_parameters_are_a_wire_error(parameters: bytes) -> None:
    with pytest.raises(WireError):
        service_untrusted(HEAD + parameters)


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=20)), max_size=6))
def test_service_untrusted_reads_or_raises_a_wire_error(
    parameters: list[tuple[int, bytes]],
) -> None:
    """What `shapes` lets pass: keys in order, lengths that fit, anything in them."""
    body = b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
        for key, value in sorted(dict(parameters).items())
    )
    try:
        found = service_untrusted(HEAD + body)
    except WireError:
        return
    assert found.target == TARGET
