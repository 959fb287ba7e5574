"""A program's own names stand in the lab's Internet as if they had always been there."""

from __future__ import annotations

import time

import pytest

from resolver.errors import ConfigError
from resolver.lab import demo
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType


def rdatas(own: dict[str, str], name: str, rtype: int) -> tuple[bytes, ...]:
    made = demo.demo_world(wall=time.time(), own=own)
    truth = made.truth(names.from_text(name), rtype)
    assert truth is not None
    return truth.answer[-1].rdatas if truth.answer else ()


def test_a_new_zone_is_delegated_and_signed() -> None:
    own = {
        "shop.example": "@ MX 10 Mail\nmail 60 A 192.0.2.25\n",
        "eu.shop.example": "a A 192.0.2.9",
    }
    made = demo.demo_world(wall=time.time(), own=own)
    shop, eu = names.from_text("shop.example."), names.from_text("eu.shop.example.")
    assert RRType.DS in made.zones[names.ROOT].data[shop]
    assert RRType.DS in made.zones[shop].data[eu]
    found = made.zones[shop].get(names.from_text("mail.shop.example."), RRType.A)
    assert found is not None
    assert found.ttl == 60
    assert rdatas(own, "shop.example.", RRType.MX)[0][2:] == names.from_text("mail.shop.example.")
    assert rdatas(own, "a.eu.shop.example.", RRType.A) == (b"\xc0\0\2\x09",)


def test_records_take_the_place_of_those_that_are_there() -> None:
    own = {"example.com": "www A 192.0.2.7\nalias A 192.0.2.8\nmail CNAME www"}
    assert rdatas(own, "www.example.com.", RRType.A) == (b"\xc0\0\2\x07",)
    assert rdatas(own, "www.example.com.", RRType.AAAA) == rdatas(
        {}, "www.example.com.", RRType.AAAA
    )
    assert rdatas(own, "alias.example.com.", RRType.A) == (b"\xc0\0\2\x08",)  # no alias any more
    assert rdatas(own, "mail.example.com.", RRType.A) == (b"\xc0\0\2\x07",)


def test_the_lab_keeps_its_own_servers_and_signatures() -> None:
    own = {"example.com": "@ NS ns.elsewhere.test.\n@ DNSKEY 257 3 13 aaaa\n"}
    made = demo.demo_world(wall=time.time(), own=own)
    plain = demo.demo_world(wall=time.time())
    apex = names.from_text("example.com.")
    assert made.zones[apex].get(apex, RRType.NS) == plain.zones[apex].get(apex, RRType.NS)
    truth = made.truth(names.from_text("nothing.example.com."), RRType.A)
    assert truth is not None
    assert truth.rcode == Rcode.NXDOMAIN


@pytest.mark.parametrize(
    "own",
    [
        {"a..b": ""},
        {"example.net": "www A not-an-address"},
        {"example.net": "www.other.org. A 192.0.2.1"},
    ],
)
def test_text_that_is_no_zone_file_is_told(own: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="zone file"):
        demo.demo_world(wall=time.time(), own=own)
