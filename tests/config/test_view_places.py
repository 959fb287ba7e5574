"""Where clients of a view ask: entries of server.listen, or their address, port or none."""

from __future__ import annotations

import pytest

from resolver.config.schema_views import View
from resolver.config.view_places import network_of, places, places_of, transports_of
from resolver.protocol.transport import Transport

UDP, TCP, TLS = Transport.UDP, Transport.TCP, Transport.TLS
LISTEN = ("127.0.0.1:53", "udp://[::1]:5353", "tls://127.0.0.1:853", "https://127.0.0.1/dns-query")
PLAIN = {("127.0.0.1:53", UDP), ("127.0.0.1:53", TCP)}
WEB = {("127.0.0.1:443", Transport.HTTPS), ("127.0.0.1:443", Transport.HTTP3)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1", PLAIN | {("127.0.0.1:853", TLS)} | WEB),
        ("127.0.0.1:53", PLAIN),
        ("tcp://127.0.0.1", {("127.0.0.1:53", TCP)}),
        ("tls://127.0.0.1", {("127.0.0.1:853", TLS)}),
        ("https://127.0.0.1/dns-query", WEB),
        ("::1", {("[::1]:5353", UDP)}),
        ("[::1]:5353", {("[::1]:5353", UDP)}),
    ],
)
def test_a_listener_is_named_as_widely_as_one_likes(
    text: str, found: set[tuple[str, Transport]]
) -> None:
    assert places_of(text, LISTEN) == found


@pytest.mark.parametrize("text", ["127.0.0.2", "127.0.0.1:54", "quic://127.0.0.1", "upstairs", ""])
def test_what_nobody_listens_at_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"one of server.listen|an address such as"):
        places_of(text, LISTEN)


def test_a_view_of_a_listener_that_is_gone_holds_nobody() -> None:
    """`--listen` takes the place of what the file says."""
    assert places(View(name="a", listen=("127.0.0.2",)), LISTEN).isdisjoint(PLAIN | WEB)
    assert places(View(name="a", listen=("127.0.0.2",)), LISTEN)
    assert places(View(name="a"), LISTEN) == frozenset()


def test_https_is_http3_too() -> None:
    assert transports_of(View(name="a", transports=("udp", "https"))) == {
        UDP,
        Transport.HTTPS,
        Transport.HTTP3,
    }


def test_a_network_in_other_clothes_is_the_same() -> None:
    assert network_of("::ffff:10.0.0.0/104") == network_of("10.0.0.0/8")
    assert network_of("::/0") != network_of("0.0.0.0/0")
