"""Our own stories: one for each limit that traffic can reach, and for each class of attack.

Each says with CHECK_QUERIES how many packets it may cost, and `reaches:` in its head names the
entries of `limits` that it runs into.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.limits.listing import entries
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import Variant, play, variants

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.rpl"))
RUNS = [(path, variant) for path in FILES for variant in variants(parse(path))]
# The work of one client query: each of these must have a story that runs into it.
WORK = (
    "UPSTREAM_QUERIES", "NS_LOOKUPS", "NS_LOOKUPS_PER_CUT", "NS_PER_DELEGATION",
    "ADDRESSES_PER_NAMESERVER", "SUBQUERY_DEPTH", "CHAIN_LENGTH", "REFERRALS", "QUERY_SECONDS",
    "MINIMISE_STEPS", "MINIMISE_ONE_LABEL", "ASK_SECONDS", "ASK_SENDS", "SENDS_PER_ADDRESS",
    "MAX_TTL_SECONDS", "MAX_NEGATIVE_TTL_SECONDS", "FAILURE_TTL_SECONDS",
    "FAILURE_TTL_MAX_SECONDS", "LAME_SECONDS", "REFUSED_SECONDS", "EDNS_BROKEN_SECONDS",
)  # fmt: skip


def names(value: object) -> str:
    if isinstance(value, Path):
        return value.stem
    return "min" if isinstance(value, Variant) and value.minimise else "full"


@pytest.mark.parametrize(("path", "variant"), RUNS, ids=names)
def test_story(path: Path, variant: Variant) -> None:
    result = play(parse(path), variant)
    assert result.passed, str(result)


def test_every_bound_on_work_has_a_story_that_reaches_it() -> None:
    reached = {name for path in FILES for name in parse(path).head.reaches}
    known = {entry.name for entry in entries()}
    assert reached <= known
    assert set(WORK) <= reached
