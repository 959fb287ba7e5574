"""HTTP/3 stands beside https:// wherever its UDP port is free for it."""

from __future__ import annotations

import importlib.util

import pytest

from resolver.config.http3 import http3_places
from resolver.config.load import loads

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ("server.listen = ['https://127.0.0.1:8443']", [(HERE, 8443)]),
        ("server.listen = ['https://127.0.0.1', 'https://[::1]:8443/q']",
         [(HERE, 443), ("::1", 8443)]),
        ("server.listen = ['https://127.0.0.1:8443']\nhttps.http3 = false", []),
        ("server.listen = ['https://127.0.0.1:853', 'quic://127.0.0.1:853']", []),
        ("server.listen = ['https://127.0.0.1:853', 'quic://0.0.0.0:853']", []),
        ("server.listen = ['https://127.0.0.1:53', 'udp://127.0.0.1:53']", []),
        ("server.listen = ['https://127.0.0.1:853', 'quic://[::]:853', 'tls://127.0.0.1:854']",
         [(HERE, 853)]),
        ("server.listen = ['tls://127.0.0.1', 'quic://127.0.0.1']", []),
    ],
)  # fmt: skip
def test_where_it_is(keys: str, places: list[tuple[str, int]]) -> None:
    assert list(http3_places(loads(keys))) == places


def test_it_is_nowhere_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    config = loads("server.listen = ['https://127.0.0.1:8443']")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert http3_places(config) == ()
