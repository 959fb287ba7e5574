"""Is each limit held by the tests that say they reach it? Halve it, double it, and see.

A test marked `@pytest.mark.reaches("NAME")`, or a scenario with `reaches: NAME` in its head, must
fail where the program runs with half of NAME, and one must fail with twice as much; the tests
themselves see the limit as it is (`tests.mutated_limit`). What no test notices is told.

    python -m tests.limit_mutants [NAME...]      all limits, or these    (`make test-limits`; long)
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.limits import estimates
from resolver.limits.listing import entries
from tests.opposites import stories
from tests.simulation.scenario_parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.limits.listing import Entry

TESTS = Path(__file__).resolve().parent
PROJECT = TESTS.parent
SECONDS = 300.0
FAILED = 1  # pytest's status where tests ran, and some failed
_FACTORS = {"half": 0.5, "double": 2.0}


def reaching() -> dict[str, list[str]]:
    """Limit → ids of the tests that say they reach it."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, test in _marked(path):
            found.setdefault(name, []).append(f"{path.relative_to(PROJECT)}::{test}")
    for path in sorted(TESTS.rglob("*.rpl")):
        for name in parse(path).head.reaches:
            found.setdefault(name, []).extend(stories(str(path.relative_to(PROJECT))))
    return found


def _marked(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_":
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.reaches":
                    yield from ((ast.literal_eval(one), node.name) for one in mark.args)


def changed(value: float, factor: float) -> float:
    """*value* by *factor*, a whole number if it was one."""
    return int(value * factor) if isinstance(value, int) else value * factor


def is_noticed(name: str, value: float, tests: Sequence[str]) -> bool:
    """True if one of *tests* fails, or does not end, with *name* at *value*."""
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "RESOLVER_MUTATED_LIMIT": f"{name}={value!r}",
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            [*command, "-p", "tests.mutated_limit", *tests],
            cwd=PROJECT, env=environment, timeout=SECONDS, capture_output=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, FAILED):
        raise RuntimeError(f"{name}={value}: {done.stdout.decode()[-800:]}{done.stderr.decode()}")
    return done.returncode == FAILED


def survivors(entry: Entry, tests: Sequence[str]) -> list[str]:
    """Which of the changes to *entry* no test notices."""
    return [
        word
        for word, factor in _FACTORS.items()
        if not is_noticed(entry.name, changed(entry.row.value, factor), tests)
    ]


def main(wanted: Sequence[str]) -> int:
    found = reaching()
    bounds = [entry for entry in entries() if entry.title != estimates.limit.title]
    listed = [entry for entry in bounds if not wanted or entry.name in wanted]
    bad = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda entry: survivors(entry, found[entry.name]), listed)
        for entry, alive in zip(listed, results, strict=True):
            bad += len(alive)
            said = "held" if not alive else f"NOT NOTICED: {' and '.join(alive)}"
            print(f"{entry.name} = {entry.row.value:g}: {said}", flush=True)  # noqa: T201
    print(f"{2 * len(listed) - bad} changes noticed, {bad} not")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
