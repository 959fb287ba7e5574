"""Addresses as people write them."""

from __future__ import annotations

import pytest

from resolver.config import endpoints


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5300", "192.0.2.1", 5300),
        ("2001:DB8::0:1", "2001:db8::1", 53),
        ("[::1]:5300", "::1", 5300),
        ("[::1]", "::1", 53),
        ("[fe80::1%eth0]:53", "fe80::1%eth0", 53),
        ("[::ffff:192.0.2.1]:5300", "192.0.2.1", 5300),
    ],
)
def test_an_endpoint_is_read(text: str, host: str, port: int) -> None:
    assert endpoints.endpoint(text) == (host, port)


@pytest.mark.parametrize("text", ["", "host", "192.0.2.1:", "192.0.2.1:99999", "[::1]:x", "1.2.3"])
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"an address|a port"):
        endpoints.endpoint(text)


def test_what_is_shown_can_be_read_again() -> None:
    for where in [("192.0.2.1", 53), ("2001:db8::1", 5300)]:
        assert endpoints.endpoint(endpoints.show(where)) == where
