"""`python -m tools.release`: is this commit a release? (make release)

One version, at all places: pyproject.toml, `resolver.__version__`, the first section of
CHANGELOG.md and the tag `vVERSION`, which stands at this commit. Releases only go upwards, and what
is built is what was committed. Prints what is wrong, a line each, and what to do about it; status 1
then.

The discipline of CHANGELOG.md: what is not released stands under "## Unreleased", every release
under "## VERSION (DATE)", the newest first; entries under Security, Added, Changed, Fixed, Removed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("Security", "Added", "Changed", "Fixed", "Removed")
UNRELEASED = "Unreleased"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_RELEASE = re.compile(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)")


@dataclass(frozen=True)
class Section:
    """Of the change log: what stands behind its ## and below it."""

    title: str
    body: str

    @property
    def version(self) -> str | None:
        found = _RELEASE.fullmatch(self.title)
        return found[1] if found else None

    @property
    def day(self) -> date | None:
        found = _RELEASE.fullmatch(self.title)
        try:
            return date.fromisoformat(found[2]) if found else None
        except ValueError:
            return None


def ordered(version: str) -> tuple[int, ...]:
    """What versions are sorted by. Raises ValueError for what is not MAJOR.MINOR.PATCH."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"{version} is not MAJOR.MINOR.PATCH")
    return tuple(map(int, found.groups()))


def sections(changelog: str) -> list[Section]:
    _, *rest = re.split(r"^## (.*)\n", changelog, flags=re.MULTILINE)
    return [Section(title.strip(), body) for title, body in zip(rest[::2], rest[1::2], strict=True)]


def log_faults(changelog: str, today: date) -> Iterator[str]:
    """What is wrong with the form of CHANGELOG.md, whatever is being released."""
    found = sections(changelog)
    for section in found:
        fault = _fault(section, today, is_first=section is found[0])
        if fault is not None:
            yield f"CHANGELOG.md, ## {section.title}: {fault}"
    released = [section.version for section in found if section.version]
    for newer, older in pairwise(released):
        if ordered(newer) <= ordered(older):
            yield f"CHANGELOG.md: {newer} stands above {older}; the newest comes first"


def _fault(section: Section, today: date, *, is_first: bool) -> str | None:
    kinds = re.findall(r"^### (.*)$", section.body, re.MULTILINE)
    unknown = next((kind for kind in kinds if kind not in KINDS), None)
    if unknown is not None:
        return f"### {unknown}: expected one of {', '.join(KINDS)}"
    if section.title == UNRELEASED:
        return None if is_first else "stands below a release; it is the first section"
    if section.day is None:
        return f'expected "{UNRELEASED}" or "1.2.3 (2026-12-31)"'
    if section.day > today:
        return "is dated in the future"
    return None if section.body.strip() else "says nothing"


@dataclass(frozen=True)
class Tree:
    """What a release is judged by. *tagged*: the commit of each tag "v…"; *head* is this one."""

    version: str
    program: str
    changelog: str
    tagged: dict[str, str]
    head: str
    is_clean: bool


def faults(tree: Tree, today: date) -> Iterator[str]:
    """What keeps the tree from being a release."""
    yield from log_faults(tree.changelog, today)
    version, tag = tree.version, f"v{tree.version}"
    if _VERSION.fullmatch(version) is None:
        yield f"pyproject.toml: version {version}: expected MAJOR.MINOR.PATCH"
        return
    if tree.program != version:
        yield f"resolver/__init__.py: __version__ is {tree.program}, in pyproject.toml {version}"
    newest = next((one for one in sections(tree.changelog) if one.title != UNRELEASED), None)
    if newest is None or newest.version != version:
        yield (
            f'CHANGELOG.md: no section "## {version} ({today})" on top: give "## {UNRELEASED}" '
            "that name, or raise the version"
        )
    if any(one.title == UNRELEASED and one.body.strip() for one in sections(tree.changelog)):
        yield f"CHANGELOG.md: something stands under {UNRELEASED}: it belongs to the release"
    if not tree.is_clean:
        yield "git: files are changed or new: commit them first (git status)"
    if tag not in tree.tagged:
        yield f"git: no tag {tag}: git tag -a {tag} -m 'resolver {version}', when the rest is right"
    elif tree.tagged[tag] != tree.head:
        yield f"git: tag {tag} is another commit: raise the version"
    earlier = [one[1:] for one in tree.tagged if _VERSION.fullmatch(one[1:]) and one != tag]
    for other in sorted(earlier, key=ordered)[-1:]:
        if ordered(other) > ordered(version):
            yield f"git: {other} was released already, and {version} is older"


def read(root: Path) -> Tree:
    """The tree at *root*, a clone."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    program = (root / "resolver" / "__init__.py").read_text("utf-8")
    said = re.search(r'^__version__ = "(.*)"$', program, re.MULTILINE)
    # A tag with a text of its own is an object that points at the commit.
    form = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    tags = _git(root, "for-each-ref", f"--format=%(refname:short) {form}", "refs/tags/v*")
    return Tree(
        version=str(project["project"]["version"]),
        program=said[1] if said else "not there",
        changelog=(root / "CHANGELOG.md").read_text("utf-8"),
        tagged=dict(line.split() for line in tags.splitlines()),
        head=_git(root, "rev-parse", "HEAD").strip(),
        is_clean=not _git(root, "status", "--porcelain").strip(),
    )


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603


def main(root: Path = ROOT) -> int:
    tree = read(root)
    found = list(faults(tree, datetime.now(UTC).date()))
    for fault in found:
        print(f"release: {fault}", file=sys.stderr)  # noqa: T201  # its purpose
    if not found:
        print(f"resolver {tree.version} is a release: v{tree.version}, {tree.head[:12]}")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
