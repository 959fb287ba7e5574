"""Every example of docs/python.md runs as it stands, against the lab."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import resolver

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
PROGRAMS = [code for code in EXAMPLES if "def test_" not in code]
TESTS = [code for code in EXAMPLES if "def test_" in code]


def printed(code: str) -> list[str]:
    """What the comments behind `print` say is printed; "..." stands for anything."""
    return re.findall(r"print\(.*\) +# (.*)$", code, flags=re.MULTILINE)


@pytest.mark.parametrize("code", PROGRAMS, ids=range(len(PROGRAMS)))
def test_an_example_does_what_its_comments_say(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with resolver.use_lab():
        exec(compile(code, "docs/python.md", "exec"), {"__name__": "example"})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    for expected in printed(code):
        pattern = ".*".join(map(re.escape, expected.split("...")))
        assert any(re.fullmatch(pattern, line) for line in lines), (expected, lines)


def test_the_example_of_the_fixture_is_a_test_that_passes(tmp_path: Path) -> None:
    """Also where warnings are errors, as they are here."""
    (code,) = TESTS
    (tmp_path / "test_example.py").write_text(code)
    is_registered = any(
        entry.value == "resolver.library.pytest_plugin" for entry in entry_points(group="pytest11")
    )
    plugin = [] if is_registered else ["-p", "resolver.library.pytest_plugin"]
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "--strict-markers"]
    command = [sys.executable, "-m", "pytest", *plugin, *options, "test_example.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_there_are_examples() -> None:
    assert len(PROGRAMS) >= 8
    assert sum(map(len, map(printed, PROGRAMS))) >= 6


def test_what_is_documented_is_what_there_is() -> None:
    """Every public name, and every property of an answer, is in the document; no other is."""
    for name in resolver.__all__:
        assert re.search(rf"\b{name}\b", DOCUMENT), name
    table = DOCUMENT.partition("| `answer.` | |")[2].partition("\n\n")[0]
    described = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row[:24])}
    public = {name for name in dir(resolver.Answer) if not name.startswith("_")}
    assert described == public
