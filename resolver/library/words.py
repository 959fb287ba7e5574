"""Extended errors in words (RFC 8914), for people: of programs and of the command line."""

from __future__ import annotations

from resolver.protocol.codes import EdeCode

_ACRONYMS = frozenset({"dnskey", "dnssec", "ds", "nsec", "nsec3"})


def _in_words(mnemonic: str) -> str:
    words = mnemonic.lower().split("_")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in words)


_MEANINGS = {
    value: _in_words(name) for name, value in vars(EdeCode).items() if isinstance(value, int)
}


def ede_text(code: int, text: str = "") -> str:
    """What the code means, and what was said with it."""
    meaning = _MEANINGS.get(code, f"error {code}")
    return f"{meaning}: {text}" if text else meaning
