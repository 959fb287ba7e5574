"""All verbs, in the order in which the help shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.operate.status import STATUS

if TYPE_CHECKING:
    from resolver.operate.verb import Verb

VERBS: Final[tuple[Verb, ...]] = (
    STATUS,
)  # fmt: skip
BY_NAME: Final = {verb.name: verb for verb in VERBS}
