"""How much a query carries: EDNS, a cookie, a spelling of its own. Less is for odd servers."""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """*cookie* needs *edns*; *mixed* is the random spelling (0x20), where it is on at all."""

    edns: bool = True
    cookie: bool = True
    mixed: bool = True

    def without(self, other: Form) -> Form:
        """What neither leaves out."""
        return Form(*(mine and theirs for mine, theirs in zip(self, other, strict=True)))


FULL = Form()
BARE = Form(cookie=False)
PLAIN = Form(edns=False, cookie=False)
UNMIXED = Form(mixed=False)
LOWER = Form(cookie=False, mixed=False)
LEAST = Form(edns=False, cookie=False, mixed=False)
