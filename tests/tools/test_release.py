"""`make release`: what keeps a commit from being one, and the discipline of the change log."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tools import release

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 5, 1)
LOG = (
    "# Changes\n\n## 0.2.0 (2026-04-30)\n\n### Added\n\n- More.\n\n## 0.1.0 (2026-01-01)\n\nAll.\n"
)
RIGHT = release.Tree(
    version="0.2.0", program="0.2.0", changelog=LOG,
    tagged={"v0.1.0": "a" * 40, "v0.2.0": "b" * 40}, head="b" * 40, is_clean=True,
)  # fmt: skip


def test_a_release_has_no_fault() -> None:
    assert list(release.faults(RIGHT, TODAY)) == []
    with_empty = LOG.replace("## 0.2.0", "## Unreleased\n\n## 0.2.0")
    assert list(release.faults(replace(RIGHT, changelog=with_empty), TODAY)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(RIGHT, version="0.2"), "expected MAJOR.MINOR.PATCH"),
        (replace(RIGHT, program="0.1.0"), "__version__ is 0.1.0, in pyproject.toml 0.2.0"),
        (replace(RIGHT, changelog=LOG.replace("0.2.0", "0.3.0")), 'no section "## 0.2.0'),
        (
            replace(RIGHT, changelog=LOG.replace("## 0.2.0", "## Unreleased\n\n- x\n\n## 0.2.0")),
            "something stands under Unreleased",
        ),
        (replace(RIGHT, is_clean=False), "commit them first"),
        (replace(RIGHT, tagged={}), "git tag -a v0.2.0"),
        (replace(RIGHT, tagged={"v0.2.0": "c" * 40}), "raise the version"),
        (replace(RIGHT, tagged=RIGHT.tagged | {"v0.10.0": "c" * 40}), "0.10.0 was released"),
    ],
)
def test_a_fault_is_named(wrong: release.Tree, said: str) -> None:
    """And nothing else is, but where the log says so too."""
    (found,) = release.faults(wrong, TODAY)
    assert said in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("## 0.2.0 (2026-04-30)", "## 0.2.0", "## 0.2.0: expected"),
        ("2026-04-30", "2026-13-30", "expected"),
        ("2026-04-30", "2026-05-02", "in the future"),
        ("### Added\n\n- More.", "", "says nothing"),
        ("### Added", "### New", "### New: expected one of Security"),
        ("## 0.1.0 (2026-01-01)", "## Unreleased", "below a release"),
        ("## 0.1.0", "## 0.2.1", "0.2.0 stands above 0.2.1"),
    ],
)
def test_a_log_out_of_form_is_told_where(old: str, new: str, said: str) -> None:
    assert list(release.log_faults(LOG, TODAY)) == []
    (found,) = release.log_faults(LOG.replace(old, new), TODAY)
    assert said in found


def test_the_log_of_this_tree_is_in_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert list(release.log_faults(text, datetime.now(UTC).date())) == []
    assert release.sections(text)


def test_a_clone_is_read_with_both_kinds_of_tags(tmp_path: Path) -> None:
    """A tag with a text counts for the commit that it points at."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@x")
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "resolver").mkdir()
    (tmp_path / "resolver" / "__init__.py").write_text('__version__ = "0.2.0"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(LOG)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    git("tag", "v0.1.0")
    git("tag", "-am", "text", "v0.2.0")
    head = git("rev-parse", "HEAD")
    tree = release.read(tmp_path)
    assert tree == replace(RIGHT, tagged={"v0.1.0": head, "v0.2.0": head}, head=head)
    assert release.main(tmp_path) == 0
    (tmp_path / "new").touch()
    assert not release.read(tmp_path).is_clean
    assert release.main(tmp_path) == 1
