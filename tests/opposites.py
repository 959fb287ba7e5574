"""Is each row of docs/conformance.toml that *holds* held by a test? Plant its opposite and see.

tests/opposites.toml says for a row what to change in the source so that it no longer holds. Each
change is made in a copy of the tree, the tests that the row names as its proof are run there, and
one of them must fail. A `find` that is no longer in its file is reported as stale.

    python -m tests.opposites [CITE...]     all rows, or those whose citation contains CITE
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import real_data
from tests.conformance import PROJECT, Proofs, Row, proofs, rows
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIST = PROJECT / "tests" / "opposites.toml"
COPIED = ("resolver", "tests", "bench", "docs", "contrib", "pyproject.toml", "root.hints")
SECONDS = 240.0
FAILED = 1  # pytest's status where tests ran, and some failed


@dataclass(frozen=True, slots=True)
class Change:
    """In *file*, *put* in the place of *find*."""

    file: str
    find: str
    put: str


@dataclass(frozen=True, slots=True)
class Opposite:
    """*changes* that together make the row *cite* untrue: several where several bounds hold it."""

    cite: str
    changes: tuple[Change, ...]


def opposites() -> list[Opposite]:
    return [_read(entry) for entry in tomllib.loads(LIST.read_text())["opposite"]]


def _read(entry: dict[str, Any]) -> Opposite:
    cite, also = entry.pop("cite"), entry.pop("also", [])
    return Opposite(cite, tuple(Change(**change) for change in (entry, *also)))


def verdict(opposite: Opposite, row: Row, found: Proofs) -> str:
    """ "held", or what is wrong."""
    for file, find, _ in map(astuple, opposite.changes):
        count = (PROJECT / file).read_text().count(find)
        if count != 1:
            return f"stale: {find!r} is {count} times in {file}"
    tests = sorted(found.of(row), key=lambda test: ("e2e" in test, "properties" in test, test))
    with tempfile.TemporaryDirectory(prefix="opposite-") as directory:
        tree = Path(directory)
        for name in COPIED:
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
            copy(PROJECT / name, tree / name)
        for change in opposite.changes:
            source = (tree / change.file).read_text()
            (tree / change.file).write_text(source.replace(change.find, change.put))
        return _run(tree, tests)


def _run(tree: Path, tests: Sequence[str]) -> str:
    wanted = [test for test in tests if not test.endswith(".rpl")]
    wanted += [one for test in tests if test.endswith(".rpl") for one in stories(test)]
    arguments = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *wanted]
    environment = {
        "RESOLVER_TEST_DATA": str(real_data.FOLDER),
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            arguments, cwd=tree, env=environment, timeout=SECONDS, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "held (by a test that does not end)"
    if done.returncode == FAILED:
        return "held"
    return f"NOT HELD ({done.stdout.strip().splitlines()[-1:]})"


def stories(test: str) -> Iterator[str]:
    """The test ids of one of our own scenarios."""
    path = PROJECT / test
    for variant in variants(parse(path)):
        kind = "min" if variant.minimise else "full"
        yield f"tests/scenarios/test_own_scenarios.py::test_story[{path.stem}-{kind}]"


def main(wanted: Sequence[str]) -> int:
    table = {row.cite: row for row in rows() if row.status == "holds"}
    found = proofs()
    bad = 0
    for opposite in opposites():
        if wanted and not any(part in opposite.cite for part in wanted):
            continue
        row = table.get(opposite.cite)
        said = verdict(opposite, row, found) if row is not None else "no row that holds"
        bad += not said.startswith("held")
        print(f"{said}: {opposite.cite}", flush=True)  # noqa: T201
    missing = sorted(table.keys() - {opposite.cite for opposite in opposites()})
    if missing and not wanted:
        print(f"{len(missing)} rows without an opposite: {'; '.join(missing)}")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
