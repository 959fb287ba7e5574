"""Documents show the tables as they are now (`make tables` puts them there)."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.cli import limit_table, tables
from resolver.cli.main import main
from resolver.config.schema import NOT_YET
from resolver.limits.listing import entries

ROOT = Path(__file__).resolve().parents[2]


def test_every_limit_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["limits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| limit")]
    assert len(rows) == len(list(entries()))
    assert any(row.startswith("| UPSTREAM_QUERIES | 100 | packets") for row in rows)
    assert any(row.startswith("| QUERY_SECONDS | 10 (1 to 30) | seconds") for row in rows)


def test_every_key_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith('| server.listen | `["127.0.0.1:53", "[::1]:53"]` |') for row in rows)
    assert any(row.startswith("| [[forward]].zone | required |") for row in rows)
    assert sum("fixed in this version" in row for row in rows) == len(NOT_YET)


@pytest.mark.parametrize(
    ("path", "name", "table"),
    [
        ("docs/limits.md", "limits", limit_table.limits_markdown()),
        ("docs/configuration.md", "keys", tables.keys_markdown()),
    ],
)
def test_documents_show_the_tables_as_they_are(path: str, name: str, table: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert tables.insert(text, name, table) == text, "run: make tables"


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks of limits"):
        tables.insert("nothing", "limits", "x")
