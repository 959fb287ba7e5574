"""How much a query carries: EDNS, options, a spelling of its own. Less is for odd servers."""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """*options* need *edns*; *mixed* is the random spelling (0x20), where it is on at all."""

    edns: bool = True
    options: bool = True
    mixed: bool = True

    def without(self, other: Form) -> Form:
        """What neither leaves out."""
        return Form(*(mine and theirs for mine, theirs in zip(self, other, strict=True)))


FULL = Form()
BARE = Form(options=False)
PLAIN = Form(edns=False, options=False)
UNMIXED = Form(mixed=False)
LOWER = Form(options=False, mixed=False)
LEAST = Form(edns=False, options=False, mixed=False)
