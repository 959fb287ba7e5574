"""The suites of Unbound and Deckard and reported faults, run where they lie: outside opinions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolver.lab.scenario_model import ScenarioError
from resolver.lab.scenario_parse import parse
from resolver.lab.scenario_run import Variant, play, variants

HERE = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RESOLVER_SCENARIOS", HERE.parent / "shared" / "scenarios"))
# A folder joins by its name: what lies beside these waits for the feature that it tells of.
FOLDERS = ("deckard", "unbound", "reported")
# Expected to fail, with the reason. A file that passes after all fails here: strike it.
EXCEPTIONS = {
    "unbound/iter_resolve_minimised_nx.rpl": (
        "scripts type A for minimised queries where four of Deckard's script NS;"
        " RFC 9156 §2.1 allows both"
    ),
}
# What is wrong and known: each goes with its mending.
KNOWN_FAULTS = {
    "reported/a_probe_refused_costs_no_address.rpl": "a refused probe costs the zone its glue",
    "reported/a_stumble_over_a_probe_sets_off_no_lookups.rpl": "a failed probe sets off look-ups",
    "reported/alias_target_denied.rpl": "a denial beside an alias is believed",
    "reported/nxdomain_with_a.rpl": "NXDOMAIN with data is told as NOERROR",
    "reported/one_bad_answer_does_not_cost_the_glue.rpl": "one failed question costs a zone's glue",
    "reported/soa_of_parent_cut.rpl": "a denial with the parent's SOA is SERVFAIL",
    "reported/soa_of_parent_nx.rpl": "a denial with the parent's SOA is SERVFAIL",
    "reported/what_a_parent_appends_behind_a_dname.rpl": "a parent is believed of its child",
    "reported/what_a_parent_appends_of_its_child.rpl": "a parent is believed of its child",
    "reported/yxdomain_unsigned.rpl": "YXDOMAIN without a DNAME becomes NOERROR",
}


def runs() -> list[tuple[Path, Variant | None]]:
    """Every file in every variant; a file that cannot be read is one run, and fails as it runs."""
    found: list[tuple[Path, Variant | None]] = []
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).rglob("*.rpl")):
            try:
                found += [(path, variant) for variant in variants(parse(path))]
            except (ScenarioError, OSError):
                found.append((path, None))
    return found


def names(value: object) -> str:
    if isinstance(value, Path):
        return value.relative_to(FOLDER).with_suffix("").as_posix()
    if isinstance(value, Variant):
        return "min" if value.minimise else "full"
    return "unreadable"


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no scenarios at {FOLDER}")
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_scenarios(folder: str) -> None:
    """A folder that was renamed must not pass as one without faults."""
    assert list((FOLDER / folder).rglob("*.rpl"))


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no scenarios at {FOLDER}")
@pytest.mark.parametrize(("path", "variant"), runs(), ids=names)
def test_scenario(path: Path, variant: Variant | None) -> None:
    scenario = parse(path)
    assert variant is not None, "this file could be read only now"
    result = play(scenario, variant)
    reason = (EXCEPTIONS | KNOWN_FAULTS).get(path.relative_to(FOLDER).as_posix())
    if reason is not None and not result.passed:
        pytest.xfail(reason)
    assert reason is None, f"passes after all: {reason}"
    assert result.passed, str(result)
