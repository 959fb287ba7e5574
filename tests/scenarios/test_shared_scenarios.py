"""The suites of Unbound and Deckard, run where they lie: an opinion from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolver.lab.scenario_parse import parse
from resolver.lab.scenario_run import Variant, play, variants

HERE = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RESOLVER_SCENARIOS", HERE.parent / "shared" / "scenarios"))
# Expected to fail, with the RFC that says why the file is wrong. Empty is the aim.
EXCEPTIONS: dict[str, str] = {}


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
    if reason := EXCEPTIONS.get(f"{path.parent.name}/{path.name}"):
        pytest.xfail(reason)
    result = play(parse(path), variant)
    assert result.passed, str(result)
