"""Octets as people write them in a configuration: text → bytes."""

from __future__ import annotations

import re

_DIGITS = re.compile("(?:[0-9a-fA-F]{2})+")
_SECRET = re.compile("[0-9a-fA-F]{32}")  # a key of SipHash (RFC 9018 §4.4)
_TEXT_MARK = "ascii_"


def nsid(text: str) -> bytes:
    """What `server.nsid` says: hexadecimal digits are octets, all else is text.

    "ascii_" before a text is Unbound's way to say so, and tells one that looks like digits apart.
    """
    if text.startswith(_TEXT_MARK):
        return text.removeprefix(_TEXT_MARK).encode()
    return bytes.fromhex(text) if _DIGITS.fullmatch(text) else text.encode()


def is_secret(text: str) -> bool:
    """True for the 16 octets of `server.cookie_secret`."""
    return _SECRET.fullmatch(text) is not None
