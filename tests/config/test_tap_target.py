"""Where dnstap goes, as it is written."""

from __future__ import annotations

import pytest

from resolver.config.load import loads
from resolver.config.tap_target import TapTarget, tap_target
from resolver.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("unix:/run/dnstap.sock", TapTarget(socket="/run/dnstap.sock")),
        ("tcp:192.0.2.1:6000", TapTarget(endpoint=("192.0.2.1", 6000))),
        ("tcp:[2001:db8::1]:6000", TapTarget(endpoint=("2001:db8::1", 6000))),
        ("messages.fstrm", TapTarget(file="messages.fstrm")),
        ("/var/log/messages.fstrm", TapTarget(file="/var/log/messages.fstrm")),
    ],
)
def test_a_socket_an_address_or_a_file(text: str, target: TapTarget) -> None:
    assert tap_target(text) == target
    assert str(target) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unix:dnstap.sock", 'expected "unix:" and the path of a socket, from / on'),
        ("tcp:192.0.2.1", 'expected "tcp:192.0.2.1:6000" or'),
        ("tcp:collector.example:6000", 'expected "tcp:192.0.2.1:6000" or'),
        ("tcp://192.0.2.1:6000", 'expected "tcp:192.0.2.1:6000" or'),
        ("file:///tmp/x", 'expected "unix:/PATH", "tcp:ADDRESS:PORT", or the path of a file'),
    ],
)
def test_what_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loads(f"dnstap.to = '{text}'")
    assert "dnstap.to" in str(raised.value)
    assert said in str(raised.value)
