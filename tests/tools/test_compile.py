"""What is compiled follows the tree, and is the same program: tools/compile.py."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.compile import MODULES, check
from tools.compiled_sources import prepared, redeclared

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''"""A module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet


class Pair(NamedTuple):
    """Two."""

    left: tuple[
        int, int
    ]
    right: Kind | None = None  # ü
    what: ClassVar = 1


class Slotted:
    __slots__ = (
        "one",
        "two",
    )


@dataclass(slots=True)
class Data:
    all: Mapping[str, int]
'''


def test_every_module_that_is_to_be_compiled_exists() -> None:
    assert [name for name in MODULES if not (ROOT / "resolver" / f"{name}.py").is_file()] == []
    assert list(MODULES) == sorted(set(MODULES))


@pytest.mark.parametrize("name", MODULES)
def test_each_is_prepared_line_by_line(name: str) -> None:
    """Tracebacks name the line of the source."""
    source = (ROOT / "resolver" / f"{name}.py").read_text("utf-8")
    made = prepared(source)
    assert made.count("\n") == source.count("\n")
    before, after = (_functions(text) for text in (source, made))
    assert after == before


def _functions(text: str) -> list[tuple[int, str]]:
    """Each with its line and all that it does."""
    return [
        (one.lineno, ast.dump(one))
        for one in ast.walk(ast.parse(text))
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def test_fields_of_tuples_are_strings_as_in_python() -> None:
    made = prepared(SOURCE)
    assert '    left: "tuple[int, int]"\n' in made
    assert '    right: "Kind | None" = None  # ü\n' in made
    assert "    what: ClassVar = 1\n" in made


def test_slots_are_left_out() -> None:
    made = prepared(SOURCE)
    assert "class Slotted:\n    pass\n" in made
    assert "__slots__" not in made


def test_what_fields_of_dataclasses_are_made_of_is_imported() -> None:
    line = prepared(SOURCE).splitlines()[2]
    assert line == (
        "from __future__ import annotations; from collections.abc import Mapping; "
        "from collections.abc import Set as AbstractSet"
    )


def test_no_class_annotates_what_its_base_does() -> None:
    """The collector would visit it twice, and free what is in use."""
    paths = [ROOT / "resolver" / f"{name}.py" for name in MODULES]
    assert redeclared(path.read_text("utf-8") for path in paths) == []
    above = "class Above:\n    one: int\n    two: int\n"
    below = "class Below(Above):\n    def __init__(self):\n        self.one: int = 1\n"
    assert redeclared([above, below]) == ["Below.one"]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_compiled_wheel_comes_up_compiled(tmp_path: Path) -> None:
    """As `make wheels` makes it; the sources are in it too."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT, env=os.environ | {"RESOLVER_COMPILE": "1"}, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert not wheel.name.endswith("-none-any.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    check(unpacked)
    for pure, modules in (("", len(MODULES)), ("1", 0)):
        code = (
            "from resolver import pipeline\nfrom resolver.runtime import compiled\n"
            "print(compiled.checked())"
        )
        environment = os.environ | {"PYTHONPATH": str(unpacked), "RESOLVER_PURE": pure}
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, text=True,
            check=True, capture_output=True,
        )  # fmt: skip
        assert int(done.stdout) == modules
