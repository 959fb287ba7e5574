"""Listeners as people write them."""

from __future__ import annotations

import importlib.util

import pytest

from resolver.config.listen_urls import https_paths, listen_url, spoken_here
from resolver.config.load import loads
from resolver.errors import ConfigError
from resolver.protocol.transport import Transport

UDP, TCP = Transport.UDP, Transport.TCP


@pytest.mark.parametrize(
    ("text", "transports", "where"),
    [
        ("127.0.0.1:53", (UDP, TCP), ("127.0.0.1", 53)),
        ("127.0.0.1", (UDP, TCP), ("127.0.0.1", 53)),
        ("[::1]:5300", (UDP, TCP), ("::1", 5300)),
        ("udp+tcp://127.0.0.1:53", (UDP, TCP), ("127.0.0.1", 53)),
        ("udp://192.0.2.1", (UDP,), ("192.0.2.1", 53)),
        ("tcp://[2001:db8::1]:54", (TCP,), ("2001:db8::1", 54)),
        ("tls://192.0.2.1", (Transport.TLS,), ("192.0.2.1", 853)),
        ("https://192.0.2.1/dns-query", (Transport.HTTPS,), ("192.0.2.1", 443)),
        ("quic://[::1]:8853", (Transport.QUIC,), ("::1", 8853)),
    ],
)
def test_scheme_address_and_port(
    text: str, transports: tuple[Transport, ...], where: tuple[str, int]
) -> None:
    url = listen_url(text)
    assert (url.transports, url.where) == (transports, where)
    assert listen_url(str(url)) == url


@pytest.mark.parametrize("text", ["dot://127.0.0.1", "udp://", "tcp://127.0.0.1/x", "http://[::1]"])
def test_what_is_no_listener_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"an address such as|one of udp"):
        listen_url(text)


@pytest.mark.parametrize("text", ["https://127.0.0.1/dns-query", "quic://127.0.0.1"])
def test_with_everything_installed_everything_is_spoken(text: str) -> None:
    assert str(spoken_here(text)).startswith(text[:16])


def test_an_extra_that_is_missing_is_said_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads("server.listen = ['quic://127.0.0.1']")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        loads("server.listen = ['quic://127.0.0.1']", name="x.toml")
    assert str(caught.value) == (
        "x.toml line 1: server.listen: 'quic://127.0.0.1' is not allowed; expected aioquic to be "
        "installed for quic://: pip install 'resolver[quic]'"
    )


def test_quic_and_udp_cannot_have_one_port() -> None:
    loads("server.listen = ['tls://127.0.0.1:853', 'quic://127.0.0.1:853']")
    with pytest.raises(ConfigError, match="each address once"):
        loads("server.listen = ['udp://127.0.0.1:853', 'quic://127.0.0.1:853']")


def test_one_port_may_have_a_listener_of_each_kind() -> None:
    loads("server.listen = ['udp://127.0.0.1:53', 'tcp://127.0.0.1:53']")
    with pytest.raises(ConfigError, match="each address once"):
        loads("server.listen = ['127.0.0.1:53', 'tcp://0.0.0.0:53']")


def test_the_paths_of_urls_come_first_and_once() -> None:
    listen = ("127.0.0.1:53", "https://127.0.0.1/a", "https://[::1]", "tls://127.0.0.1")
    assert https_paths(listen, ("/dns-query",)) == ("/a", "/dns-query")
    assert https_paths(("https://127.0.0.1/dns-query",), ("/dns-query",)) == ("/dns-query",)


@pytest.mark.parametrize("path", ["/dns-query{?dns}", "/a b", "/\u00e9", "/a?b", "/#"])
def test_a_path_is_one_that_a_url_can_have(path: str) -> None:
    with pytest.raises(ValueError, match="a path such as"):
        listen_url(f"https://127.0.0.1{path}")
    with pytest.raises(ConfigError, match=r"https\.paths.*a path such as"):
        loads(f"https.paths = ['{path}']")


def test_without_a_path_nothing_is_served_over_https() -> None:
    listen = "server.listen = ['https://127.0.0.1:443']\n"
    with pytest.raises(ConfigError, match=r"https\.paths.*at least one path"):
        loads(listen + "https.paths = []")
    loads("server.listen = ['https://127.0.0.1:443/x']\nhttps.paths = []")
    with pytest.raises(ConfigError, match=r"https\.paths.*a path such as"):
        loads("https.paths = ['dns-query']")


def test_what_https_needs_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "h2" else 1)
    with pytest.raises(ConfigError, match=r"h2 to be installed .*'resolver\[https\]'"):
        loads("server.listen = ['https://127.0.0.1:443']")
    loads("server.listen = ['tls://127.0.0.1:853']")
