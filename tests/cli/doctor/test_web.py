"""The page that tells a portal: what is read of it, whatever it is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cli.doctor.web import read_untrusted
from resolver.errors import WireError

URL = "http://x.example/success.txt"


def test_the_page_as_it_should_be() -> None:
    found = read_untrusted(URL, b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nsuccess\n")
    assert (found.status, found.is_as_expected) == (200, True)


def test_another_page_is_a_portal() -> None:
    found = read_untrusted(URL, b"HTTP/1.1 200 OK\r\n\r\n<html>Welcome to the train")
    assert not found.is_as_expected


def test_where_a_portal_sends_browsers_is_told() -> None:
    found = read_untrusted(URL, b"HTTP/1.0 302 Found\r\nLOCATION: http://login.example/\r\n\r\n")
    assert (found.status, found.location) == (302, "http://login.example/")


@pytest.mark.parametrize(
    "octets", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 x y\r\n"]
)
def test_what_is_no_web_server_is_none(octets: bytes) -> None:
    with pytest.raises(WireError, match="no web server"):
        read_untrusted(URL, octets)


@given(st.binary(max_size=300))
def test_read_untrusted(octets: bytes) -> None:
    with contextlib.suppress(WireError):
        assert read_untrusted(URL, b"HTTP/1.1 " + octets).url == URL
