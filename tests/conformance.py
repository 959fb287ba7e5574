"""docs/conformance.md: what the RFCs ask, whether it holds, and the tests that prove it.

The rows are docs/conformance.toml; proofs are found by reading the tests' source for
`@pytest.mark.rfc("RFC 2181 §5.4.1")`, on a function, in a module's `pytestmark`, or as a line
`; rfc: RFC 2181 §5.4.1` in a scenario file. Tests that are expected to fail prove nothing; that
the others pass is shown by the run that they are part of.

    python -m tests.conformance            is docs/conformance.md up to date, is every row proved?
    python -m tests.conformance --write    print it anew
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[1]
ROWS = PROJECT / "docs" / "conformance.toml"
DOCUMENT = PROJECT / "docs" / "conformance.md"
STATUSES = ("holds", "partly", "not applicable", "not yet")
LEVELS = ("must", "should", "optional")
SHOWN = 4
_BARE = re.compile(r"\d")
_SCENARIO_MARK = re.compile(r"^\s*[;#]\s*rfc:\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the checklist."""

    group: str
    cite: str
    level: str
    says: str
    status: str
    marks: tuple[str, ...] = ()
    note: str = ""


@dataclass(slots=True)
class Proofs:
    """Test ids by the section that they prove."""

    by_mark: dict[str, list[str]] = field(default_factory=dict)

    def add(self, mark: str, test: str) -> None:
        self.by_mark.setdefault(normal(mark), []).append(test)

    def of(self, row: Row) -> list[str]:
        found = {test for mark in row.marks for test in self.by_mark.get(normal(mark), ())}
        return sorted(found)


def normal(mark: str) -> str:
    """`6303 §3` and `RFC 6303 §3` are the same section."""
    mark = " ".join(mark.split())
    return f"RFC {mark}" if _BARE.match(mark) else mark


def rows() -> list[Row]:
    document = tomllib.loads(ROWS.read_text())
    return [
        Row(group["name"], **{**entry, "marks": tuple(entry.get("marks", ()))})
        for group in document["group"]
        for entry in group["rows"]
    ]


def proofs() -> Proofs:
    """Every marker in every test file and scenario."""
    found = Proofs()
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        for mark, name in _marks_in(ast.parse(path.read_text())):
            found.add(mark, f"{path.relative_to(PROJECT)}::{name}")
    for path in sorted((PROJECT / "tests" / "scenarios").rglob("*.rpl")):
        for line in _SCENARIO_MARK.findall(path.read_text(errors="replace")):
            for mark in line.split(";"):
                found.add(mark, str(path.relative_to(PROJECT)))
    return found


def _marks_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    module_wide: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _assigns(statement, "pytestmark"):
            module_wide += _rfc_marks(statement.value)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if not node.name.startswith("test_") or _is_expected_to_fail(node):
            continue
        own = [mark for decorator in node.decorator_list for mark in _rfc_marks(decorator)]
        for mark in (*own, *module_wide):
            yield mark, node.name


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _rfc_marks(node: ast.AST) -> list[str]:
    """The arguments of every `pytest.mark.rfc(...)` inside *node*."""
    return [
        argument.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "rfc"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _is_expected_to_fail(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr in {"xfail", "skip"}
        for decorator in node.decorator_list
        for part in ast.walk(decorator)
    )


def complaints(all_rows: list[Row], proved: Proofs) -> list[str]:
    """What is wrong with the table."""
    found = []
    for row in all_rows:
        if row.status not in STATUSES or row.level not in LEVELS:
            found.append(f"{row.cite}: status {row.status!r}, level {row.level!r}")
        if row.status == "holds" and not proved.of(row):
            found.append(f"{row.cite} holds, but no test is marked {' or '.join(row.marks)}")
        if row.status in {"partly", "not applicable"} and not row.note:
            found.append(f"{row.cite} is {row.status!r} without a note that says why")
    return found


def render(all_rows: list[Row], proved: Proofs) -> str:
    """The document."""
    counts = Counter(row.status for row in all_rows)
    lines = [
        "# Conformance",
        "",
        "What the RFCs ask of a recursive resolver, and what is so here. Printed from",
        "[conformance.toml](conformance.toml) and the tests' markers by",
        "`python -m tests.conformance --write`; a test fails when a row says *holds* and no test",
        "carries its mark, or when this page names a state or a test that is no more. That tests",
        "would fail without it, `python -m tests.opposites` shows: it plants a row's opposite.",
        "",
        f"{len(all_rows)} rows: "
        + ", ".join(f"{counts[status]} {status}" for status in STATUSES)
        + ".",
    ]
    group = ""
    for row in all_rows:
        if row.group != group:
            group = row.group
            lines += ["", f"## {group}", "", "| RFC | level | requirement | status | proof |",
                      "|---|---|---|---|---|"]  # fmt: skip
        lines.append(_line(row, proved.of(row)))
    return "\n".join(lines) + "\n"


def _line(row: Row, tests: list[str]) -> str:
    says = row.says + (f" *{row.note}*" if row.note else "")
    shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests[:SHOWN])
    more = f"<br>and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
    return f"| {row.cite} | {row.level} | {says} | {row.status} | {shown}{more} |"


def staleness(document: str, all_rows: list[Row], proved: Proofs) -> list[str]:
    """What *document* says wrongly: rows or states that differ, tests that are gone.

    Further proofs of a row do not make it wrong; `--write` adds them.
    """
    said = [line.rsplit(" | ", 1)[0] for line in document.splitlines() if line.startswith("| ")]
    wanted = render(all_rows, proved).splitlines()
    known = [line.rsplit(" | ", 1)[0] for line in wanted if line.startswith("| ")]
    found = [f"row differs: {line}" for line in set(known) ^ set(said)]
    tests = {test.removeprefix("tests/") for row in all_rows for test in proved.of(row)}
    named = set(re.findall(r"`([^`]+(?:::test_\w+|\.rpl))`", document))
    return found + [f"no such proof: {test}" for test in named - tests]


def main() -> int:
    all_rows, proved = rows(), proofs()
    for complaint in complaints(all_rows, proved):
        print(complaint, file=sys.stderr)  # noqa: T201  a command
    wanted = render(all_rows, proved)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(wanted)
    old = staleness(DOCUMENT.read_text() if DOCUMENT.exists() else "", all_rows, proved)
    for line in old:
        print(f"docs/conformance.md is old (--write): {line}", file=sys.stderr)  # noqa: T201
    return int(bool(complaints(all_rows, proved) or old))


if __name__ == "__main__":
    sys.exit(main())
