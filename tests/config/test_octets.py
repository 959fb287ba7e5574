"""Octets as they are written: NSID and the secret of cookies."""

from __future__ import annotations

import pytest

from resolver.config import octets
from resolver.config.load import interpret


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("resolver 2", b"resolver 2"),
        ("00ff", b"\0\xff"),
        ("ascii_00ff", b"00ff"),
        ("abc", b"abc"),
        ("", b""),
    ],
)
def test_nsid_is_text_or_digits(text: str, wanted: bytes) -> None:
    assert octets.nsid(text) == wanted


@pytest.mark.parametrize(
    ("text", "is_one"), [("0f" * 16, True), ("0f" * 15, False), ("zz" * 16, False)]
)
def test_a_secret_is_sixteen_octets(text: str, *, is_one: bool) -> None:
    assert octets.is_secret(text) is is_one


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("server", "cookie_secret", "secret"),
        ("server", "nsid", "a" * 600),
        ("cache", "min_negative_ttl", 4000),
    ],
)
def test_a_wrong_value_is_told(section: str, key: str, value: object) -> None:
    [problem] = interpret({section: {key: value}}, "test")[1]
    assert f"{section}.{key}" in str(problem)
    assert key != "cookie_secret" or "secret'" not in str(problem)  # it is nobody's to read
