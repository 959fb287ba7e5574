"""Do names resolve? Asked of an address, and as programs do."""

from __future__ import annotations

import socket

import pytest

from resolver.setup import asking
from resolver.setup.commands import Ended
from tests.support import set_limit


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """A server that never answers, where ours is looked for."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    monkeypatch.setattr(asking, "DNS_PORT", sock.getsockname()[1])
    return sock


@pytest.mark.reaches("SETUP_ANSWER_SECONDS")
def test_one_who_is_silent_is_given_up(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, asking, "SETUP_ANSWER_SECONDS", 0.05)
    with silent:
        assert asking.ask("127.0.0.1", b"\0", 1, 1) is None
        assert not asking.is_our_daemon("127.0.0.1")
        assert asking.why_not("127.0.0.1", "example.com", 0.1) == "nothing answers there"
        assert len(silent.recv(512)) > 12


def test_programs_get_a_name_or_one_says_why() -> None:
    def good(words: tuple[str, ...], *, timeout_s: float = 1.0) -> Ended:
        return Ended(0 if words and timeout_s > 0 else 1)

    def bad(words: tuple[str, ...], *, timeout_s: float = 1.0) -> Ended:
        return Ended(2 if timeout_s > 0 else 1, err="" if words[0] == "getent" else "x")

    assert asking.why_system_not(good, "example.com", 1.0) == ""
    assert "finds nothing" in asking.why_system_not(bad, "example.com", 0.01)
