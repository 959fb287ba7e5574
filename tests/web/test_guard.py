"""Whose request is heard at all: by the name that it asks for, and the page that sent it."""

from __future__ import annotations

import pytest

from resolver.web.guard import Guard, _is_from_here


async def _nothing(*_: object) -> None:
    raise AssertionError


GUARD = Guard(_nothing, ["dns.home.example"])


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8053", "127.0.0.1", "127.0.0.1:8053", "192.0.2.7:80", "[::1]",
        "[2001:db8::1]:8053", "dns.home.example", "dns.home.example.:443",
    ],
)  # fmt: skip
def test_our_own_names_and_addresses_are_heard(host: str) -> None:
    assert GUARD.is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "localhost.evil.example", "dns.home.example.evil.example",
        "127.0.0.1.evil.example", "localhost:80:80", "[::1", "[::1]x", "[evil]", "127.0.0.1:x",
        "999.0.0.1", "1", "localhost@evil.example", "127.0.0.1/../", "\u202elocalhost",
    ],
)  # fmt: skip
def test_a_name_that_was_turned_to_us_is_not(host: str) -> None:
    """DNS rebinding: the browser is told an address of ours for a name of theirs."""
    assert not GUARD.is_ours(host)


HOST = b"127.0.0.1:8053"


def test_what_changes_something_comes_from_our_own_page() -> None:
    assert _is_from_here({b"origin": [b"http://127.0.0.1:8053"]}, "http", HOST)
    assert _is_from_here({b"sec-fetch-site": [b"same-origin"]}, "http", HOST)
    assert _is_from_here({}, "http", HOST)  # no browser; the token decides
    for origin in (
        b"null",
        b"https://evil.example",
        b"http://127.0.0.1:3000",
        b"https://127.0.0.1:8053",
    ):
        assert not _is_from_here({b"origin": [origin]}, "http", HOST)
    assert not _is_from_here({b"origin": [b"http://127.0.0.1:8053"] * 2}, "http", HOST)
    for site in (b"cross-site", b"same-site", b""):
        assert not _is_from_here({b"sec-fetch-site": [site]}, "http", HOST)
