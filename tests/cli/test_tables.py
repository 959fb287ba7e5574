"""Documents show the tables as they are now (`make tables` puts them there)."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.cli import tables
from resolver.cli.main import main
from resolver.config.schema import NOT_YET

ROOT = Path(__file__).resolve().parents[2]


def test_every_limit_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["limits"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == len(list(tables.limit_entries()))
    assert rows[0].startswith("| UPSTREAM_QUERIES | 100 | 20 | 400 | packets")


def test_every_key_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith('| server.listen | `["127.0.0.1:53", "[::1]:53"]` |') for row in rows)
    assert any(row.startswith("| [[forward]].zone | required |") for row in rows)
    assert sum("fixed in this version" in row for row in rows) == len(NOT_YET)


@pytest.mark.parametrize(
    ("path", "name", "table"),
    [
        ("README.md", "limits", tables.limits_markdown()),
        ("docs/configuration.md", "keys", tables.keys_markdown()),
    ],
)
def test_documents_show_the_tables_as_they_are(path: str, name: str, table: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert tables.insert(text, name, table) == text, "run: make tables"


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks of limits"):
        tables.insert("nothing", "limits", "x")
