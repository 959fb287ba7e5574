"""The project's own promises: what is shipped, what is documented, what points where."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import resolver
from resolver.cli import completion

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
LONGEST_ALONE = 450  # lines of what is installed as one file, away from all modules
ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_wheel_holds_the_root_hints() -> None:
    """One file at the top of the tree; the program in a wheel finds its copy beside it."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["root.hints"] == "resolver/root.hints"
    assert (ROOT / "root.hints").is_file()


def test_the_wheel_brings_manual_pages_and_completion() -> None:
    """Below the installation's prefix; completion also where `resolver completion` finds it."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["shared-data"] == {"share": "share"}
    for path in completion.FILES.values():
        folder = str(Path(*Path(path).parts[:2]))
        assert wheel["force-include"][folder] == f"resolver/{folder}"


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == resolver.__version__


def test_every_dependency_is_explained_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for requirement in PROJECT["project"]["dependencies"]:
        name, bounded, _ = requirement.partition(">=")
        assert bounded, f"{requirement} has no lower bound"
        assert f"[{name}]" in readme


def test_the_map_names_the_layers_that_are_enforced() -> None:
    """The first lines of the package's docstring are the import contract of pyproject.toml."""
    assert resolver.__doc__ is not None
    shown = resolver.__doc__.split("\n\n")[1]
    layers, *_ = PROJECT["tool"]["importlinter"]["contracts"]
    enforced = [
        name.strip("() ").removeprefix("resolver.")
        for layer in layers["layers"]
        for name in layer.split("|")
    ]
    words = shown.replace("→", " ").replace("|", " ").replace(",", " ").replace("(", " ")
    assert words.replace(")", " ").split() == enforced


def test_no_file_and_no_function_is_too_long_to_read() -> None:
    """At most 400 lines a file, 60 a function, docstring and signature included."""
    too_long = []
    folders = ("resolver", "tests", "bench", "tools")
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text("utf-8")
        longest = LONGEST_ALONE if path.name == "switch.py" else LONGEST_FILE
        if text.count("\n") > longest:
            too_long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno >= LONGEST_FUNCTION:
                    too_long.append(f"{path.name} {node.name}")
    assert too_long == []


def test_public_names_are_loaded_when_first_touched() -> None:
    """`import resolver` costs nothing: no event loop, no crypto, no DNS library. Nor does the
    plugin that pytest loads in everybody's tests."""
    heavy = "{'trio', 'asyncio', 'dns', 'cryptography', 'msgspec'}"
    for module in ("resolver", "resolver.library.pytest_plugin"):
        code = f"import {module}, sys; print(sorted({heavy} & set(sys.modules)))"
        command = [sys.executable, "-c", code]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "[]", module


def test_public_names_are_what_they_say() -> None:
    """Each is found, is public all the way, and is listed."""
    assert set(resolver.__all__) == set(resolver._HOMES) <= set(dir(resolver))
    for name in resolver.__all__:
        assert getattr(resolver, name).__name__ in {name, "open_resolver"}
    with pytest.raises(AttributeError, match="Resolvr"):
        getattr(resolver, "Resolvr")  # noqa: B009


def test_ci_runs_the_command_of_the_readme() -> None:
    """`./test`, or `make test`, which is the same."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "\n./test\n" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "\ntest:\n\t@./test\n" in (ROOT / "Makefile").read_text("utf-8")
    assert "./test" in readme or "make test" in readme
