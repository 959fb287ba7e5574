"""All verbs, in the order in which the help shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.operate.drain import DRAIN, STOP
from resolver.operate.log import LEVEL, REOPEN
from resolver.operate.reload import RELOAD, TLS_RELOAD
from resolver.operate.stats import STATS
from resolver.operate.status import STATUS

if TYPE_CHECKING:
    from resolver.operate.verb import Verb

VERBS: Final[tuple[Verb, ...]] = (
    STATUS, STATS,
    RELOAD, TLS_RELOAD, LEVEL, REOPEN, DRAIN, STOP,
)  # fmt: skip
BY_NAME: Final = {verb.name: verb for verb in VERBS}
