"""The pages that people read, taken apart: fenced blocks, inline code, tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
# Made from the tests, and figures with the commands that printed them: no instructions in these.
_NOT_READ = {"conformance.md"}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; *line* is where it begins, for whoever has to find it."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README, what stands beside it, and docs/."""
    beside = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return sorted(beside) + [
        path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in _NOT_READ
    ]


def blocks(language: str) -> list[Block]:
    return [
        block
        for path in pages()
        for block in _blocks_of(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        if block.language == language
    ]


def _blocks_of(page: str, text: str) -> Iterator[Block]:
    language, begun, lines = None, 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, begun, lines = line[3:].strip(), number, []
        else:
            yield Block(page, begun, language, "\n".join(lines) + "\n")
            language = None


def prose(path: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def inline_code(path: Path) -> list[str]:
    """What stands between backticks, line breaks taken as spaces."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(path))]


def table_rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of each table, heads included."""
    for line in text.splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
