"""What is published: the wheel has the program alone, the sdist the whole tree."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What a tree at work has beside what is published: as .gitignore says.
PASSING = (
    *("__pycache__", "*.so", "*.egg-info", "build", "dist", "out", ".coverage*"),
    *(".venv*", ".git", ".hypothesis", ".*cache"),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of this tree, built without the network."""
    folder = tmp_path_factory.mktemp("published")
    _build(ROOT, folder, "sdist", "wheel")
    return folder


def _build(tree: Path, folder: Path, *targets: str) -> None:
    arguments = [word for target in targets for word in ("-t", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *arguments, "-d", folder],
        cwd=tree, env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        check=True, capture_output=True,
    )  # fmt: skip


def _in_wheel(folder: Path) -> dict[str, int]:
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: one.CRC for one in archive.infolist()}


def _in_sdist(folder: Path) -> set[str]:
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}


def _in_tree() -> set[str]:
    found = set()
    for top, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not _is_passing(name)]
        found |= {Path(top, name).relative_to(ROOT).as_posix() for name in files}
    return {name for name in found if not _is_passing(name.rpartition("/")[2])} - {"PKG-INFO"}


def _is_passing(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in PASSING)


def test_the_wheel_has_the_program_alone(published: Path) -> None:
    """No scenario, no random world, no test, and nothing that asks for them."""
    inside = _in_wheel(published)
    tops = {name.partition("/")[0] for name in inside}
    assert {top for top in tops if not top.startswith("resolver-")} == {"resolver"}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "resolver").rglob("*.py")}
    assert {name for name in inside if name.endswith(".py")} == modules
    simulation = {path.name for path in (ROOT / "tests" / "simulation").glob("*.py")}
    assert simulation & {name.rpartition("/")[2] for name in inside} == set()
    assert {"resolver/root.hints", "resolver/py.typed"} <= inside.keys()


def test_the_program_does_without_the_tests_and_the_benches() -> None:
    asks = re.compile(r"^\s*(?:from|import) (?:tests|bench|tools)\b", re.MULTILINE)
    sources = (ROOT / "resolver").rglob("*.py")
    assert [path.name for path in sources if asks.search(path.read_text("utf-8"))] == []


def test_the_sdist_is_the_whole_tree(published: Path) -> None:
    """Its own package information apart; so the tests are in it, and all that they read."""
    assert _in_sdist(published) - {"PKG-INFO"} == _in_tree()


def test_the_sdist_builds_the_same_wheel(published: Path, tmp_path: Path) -> None:
    (sdist,) = published.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    _build(tree, tmp_path / "again", "wheel")
    assert _in_wheel(tmp_path / "again") == _in_wheel(published)
