"""Listeners as people write them."""

from __future__ import annotations

import importlib.util

import pytest

from resolver.config.listen_urls import listen_url, spoken_here
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


@pytest.mark.parametrize("scheme", ["https"])
def test_what_is_not_spoken_yet_is_said(scheme: str) -> None:
    text = f"{scheme}://127.0.0.1"
    with pytest.raises(ValueError, match=f"{scheme}:// is not yet supported"):
        spoken_here(text)
    with pytest.raises(ConfigError) as caught:
        loads(f"server.listen = ['{text}']", name="x.toml")
    assert str(caught.value) == (
        f"x.toml: server.listen: '{text}' is not allowed; expected udp+tcp://, udp://, "
        f"tcp://, tls:// or quic:// before the address: {scheme}:// is not yet supported"
    )


def test_an_extra_that_is_missing_is_said_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads("server.listen = ['quic://127.0.0.1']")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        loads("server.listen = ['quic://127.0.0.1']", name="x.toml")
    assert str(caught.value) == (
        "x.toml: server.listen: 'quic://127.0.0.1' is not allowed; expected aioquic to be "
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
