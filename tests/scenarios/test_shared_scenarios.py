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
FOLDERS = (
    "deckard", "unbound", "reported",
    "features/aggressive-nsec", "features/ede", "features/edns", "features/forward-stub",
    "features/ttl-clamp",
)  # fmt: skip
# Expected to fail, with the reason. A file that passes after all fails here: strike it.
EXCEPTIONS = {
    "unbound/iter_resolve_minimised_nx.rpl": (
        "scripts type A for minimised queries where four of Deckard's script NS;"
        " RFC 9156 §2.1 allows both"
    ),
    "features/aggressive-nsec/stop_nxdomain_minimised.rpl": (
        "scripts type A for minimised queries, as above"
    ),
    "features/ede/ede_localzone_dname_expansion.rpl": "local data is not built",
    "features/edns/edns_downstream_cookies.rpl": "local data is not built",
}
# What is wrong and known: each goes with its mending.
KNOWN_FAULTS: dict[str, str] = {}
# Likewise, of the files by feature.
WANTING = {
    "features/aggressive-nsec/nsec_cross_zone.rpl": "to be looked at",
    "features/ede/ede_cache_snoop_not_auth.rpl": "a query without RD gets a referral to the root",
    "features/ede/root_key_sentinel.rpl": "a sentinel's SERVFAIL has no extended error",
    "features/ede/val_nsec3_b2_nodata_nons.rpl": "without RD a known failure is not told",
    "features/ede/val_nx_failwc.rpl": "to be looked at",
    "features/ede/val_scrub_rr_length.rpl": "malformed rdata is told as unreachable servers",
    "features/edns/edns_nsid_repeat.rpl": "no NSID of its own",
    "features/edns/nsid_ascii.rpl": "no NSID of its own",
    "features/edns/nsid_hex.rpl": "no NSID of its own",
    "features/forward-stub/iter_stubfirst.rpl": "a stub zone that fails is not resolved otherwise",
    "features/forward-stub/val_cnametocloser.rpl": "to be looked at",
    "features/forward-stub/val_cnametoinsecure.rpl": "to be looked at",
    "features/forward-stub/val_cnametooptout.rpl": "to be looked at",
    "features/ttl-clamp/ttl_max.rpl": "to be looked at",
    "features/ttl-clamp/ttl_min_negative.rpl": "no least TTL for denials",
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
    reason = (EXCEPTIONS | KNOWN_FAULTS | WANTING).get(path.relative_to(FOLDER).as_posix())
    if reason is not None and not result.passed:
        pytest.xfail(reason)
    assert reason is None, f"passes after all: {reason}"
    assert result.passed, str(result)
