"""All verbs, in the order in which the help shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.operate.cache_files import CACHE_DUMP, CACHE_LOAD
from resolver.operate.cache_show import CACHE_SHOW
from resolver.operate.captive import CAPTIVE
from resolver.operate.drain import DRAIN, RESTART, STOP
from resolver.operate.drill import DRILL
from resolver.operate.flush import FLUSH
from resolver.operate.follow import FOLLOW
from resolver.operate.geo_survey import SURVEY
from resolver.operate.geo_zones import ZONES
from resolver.operate.health import HEALTH
from resolver.operate.in_use import IN_USE
from resolver.operate.lists import LISTS
from resolver.operate.log import LEVEL, REOPEN
from resolver.operate.nta import NTA
from resolver.operate.pops import POPS, PROBE
from resolver.operate.queries import QUERIES
from resolver.operate.reload import RELOAD, TLS_RELOAD
from resolver.operate.servers import SERVERS
from resolver.operate.stale import STALE
from resolver.operate.stats import STATS
from resolver.operate.status import STATUS
from resolver.operate.trace import TRACE
from resolver.operate.warm import WARM
from resolver.operate.why import WHY
from resolver.operate.zones import TALLY

if TYPE_CHECKING:
    from resolver.operate.verb import Verb

VERBS: Final[tuple[Verb, ...]] = (
    STATUS, STATS, HEALTH,
    FLUSH, CACHE_SHOW, CACHE_DUMP, CACHE_LOAD, SERVERS, POPS, PROBE, TALLY,
    QUERIES, TRACE, WHY, *NTA, STALE, WARM,
    DRILL, ZONES, SURVEY, CAPTIVE, *LISTS,
    RELOAD, TLS_RELOAD, LEVEL, REOPEN, FOLLOW, DRAIN, RESTART, STOP,
)  # fmt: skip
BY_NAME: Final = {verb.name: verb for verb in VERBS}
# What the first of several workers asks the others: all of these, and what no client can.
AMONG_WORKERS: Final = BY_NAME | {IN_USE.name: IN_USE}
