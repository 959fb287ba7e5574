"""The suites of Unbound and Deckard, run where they lie: an opinion from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolver.lab.scenario_parse import parse
from resolver.lab.scenario_run import Variant, play, variants

HERE = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RESOLVER_SCENARIOS", HERE.parent / "shared" / "scenarios"))
# Expected to fail, with the RFC that decides. A file that passes after all fails here: strike it.
EXCEPTIONS = {
    "unbound/iter_resolve_minimised_nx.rpl": (
        "scripts type A for minimised queries where four of Deckard's script NS;"
        " RFC 9156 §2.1 allows both"
    ),
}


def runs() -> list[tuple[Path, Variant]]:
    return [
        (path, variant)
        for path in sorted(FOLDER.rglob("*.rpl"))
        for variant in variants(parse(path))
    ]


def names(value: object) -> str:
    if isinstance(value, Path):
        return f"{value.parent.name}/{value.stem}"
    return "min" if isinstance(value, Variant) and value.minimise else "full"


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no scenarios at {FOLDER}")
@pytest.mark.parametrize(("path", "variant"), runs(), ids=names)
def test_scenario(path: Path, variant: Variant) -> None:
    result = play(parse(path), variant)
    reason = EXCEPTIONS.get(f"{path.parent.name}/{path.name}")
    if reason is not None and not result.passed:
        pytest.xfail(reason)
    assert reason is None, f"passes after all: {reason}"
    assert result.passed, str(result)
