"""What the code's own prose refers to is there: modules, what is in them, files, markdown pages."""

from __future__ import annotations

import re

from tests.docs import pages
from tests.docs.test_names import names_in
from tests.docs.test_references import KEYS

PACKAGE = pages.ROOT / "resolver"
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
SOURCES = sorted(PACKAGE.rglob("*.py"))
DOTTED = re.compile(rf"`(?:resolver\.)?((?:{'|'.join(ROOMS)})\.[a-z]\w*(?:\.\w+)*)`")


def _is_there(dotted: str) -> bool:
    """`room.module` or `room.module.name`; a key of the configuration may be spelt alike."""
    room, module, *inside = dotted.split(".")
    file = PACKAGE / room / f"{module}.py"
    if dotted in KEYS or not file.is_file():
        return dotted in KEYS or module in names_in(f"resolver/{room}/__init__.py")
    return not inside or ".".join(inside) in names_in(file.relative_to(pages.ROOT).as_posix())


def test_a_module_that_is_named_is_there() -> None:
    said = [
        (path.relative_to(pages.ROOT).as_posix(), dotted)
        for path in SOURCES
        for dotted in DOTTED.findall(path.read_text("utf-8"))
    ]
    assert len(said) > 20
    wrong = [(file, dotted) for file, dotted in said if not _is_there(dotted)]
    assert wrong == []


def test_a_module_that_is_not_there_is_noticed() -> None:
    assert _is_there("upstream.network.Network")
    assert not _is_there("upstream.network.Nobody")
    assert not _is_there("upstream.app")


def test_a_page_that_is_named_is_there() -> None:
    """DESIGN and STYLE, on which comments leant, were never in the project."""
    said = {
        (path.relative_to(pages.ROOT).as_posix(), page)
        for path in SOURCES
        for page in re.findall(
            r"\b(?:docs/[a-z-]+|[A-Z]+)\.md\b|\bDESIGN\b", path.read_text("utf-8")
        )
    }
    is_rebuilt = ("resolver/upstream/dispatcher.py", "DESIGN")
    assert {one for one in said if not (pages.ROOT / one[1]).is_file()} <= {is_rebuilt}
