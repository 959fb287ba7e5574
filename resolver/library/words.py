"""Extended errors in words (RFC 8914), for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.protocol.codes import EdeCode

if TYPE_CHECKING:
    from resolver.model import Ede

_MEANINGS = {
    value: name.replace("_", " ").lower()
    for name, value in vars(EdeCode).items()
    if isinstance(value, int)
}


def ede_text(ede: Ede) -> str:
    """What the code means, and what was said with it."""
    meaning = _MEANINGS.get(ede.code, f"error {ede.code}")
    return f"{meaning}: {ede.text}" if ede.text else meaning
