"""What a run of the tests left out, in one line that says how to have it: the last of `./test`.

A long run leaves out nothing for want of a program or a package: what would be skipped for that
fails, and says what to install.

pytest notes a line for each test that was skipped (its reason) or is long (`long` and its name, in
each session and process that leaves it out); the script adds which Pythons are not here. Reasons
that are not known are told as they are: nothing goes unsaid.

    python -m tests.left_out FILE
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

LONG = "long"
# Where `./test` wants the notes.
VARIABLE = "RESOLVER_LEFT_OUT"
LONG_RUN = "RESOLVER_LONG"  # set by `./test --long`
_WANTED = ("not installed", "could not import")
# A word of the reason; what it comes down to, *n* tests of it; how to have it.
_CAUSES = (
    ("not installed", "{n} want programs that are not installed", "./test --install"),
    ("needs root", "{n} want root, most for network namespaces", "sudo ./test"),
    ("RESOLVER_TEST_DATA", "{n} want real data", "RESOLVER_TEST_DATA=FOLDER, see CONTRIBUTING.md"),
    (
        "RESOLVER_SCENARIOS",
        "the replay scenarios of other projects",
        "RESOLVER_SCENARIOS=FOLDER, see CONTRIBUTING.md",
    ),
)


def note(reporter: pytest.TerminalReporter) -> None:
    """Append what this session skipped to the file that $RESOLVER_LEFT_OUT names, if it does."""
    _append(_reason(report.longrepr) for report in reporter.stats.get("skipped", ()))


def note_long(deselected: Iterable[pytest.Item]) -> None:
    """Append the long ones of *deselected*: every process of a session does."""
    _append(f"{LONG} {item.nodeid}" for item in deselected if item.get_closest_marker(LONG))


def insist(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In a long run have *report* fail where it was skipped for what could be installed."""
    if not os.environ.get(LONG_RUN) or not report.skipped:
        return
    reason = _reason(report.longrepr)
    if any(word in reason for word in _WANTED):
        report.outcome = "failed"
        report.longrepr = f"{reason} (./test --long --install)"


def _append(notes: Iterable[str]) -> None:
    wanted = os.environ.get(VARIABLE)
    if wanted is not None and (lines := [f"{note}\n" for note in notes]):
        with Path(wanted).open("a", encoding="utf-8") as file:
            file.writelines(lines)


def _reason(found: object) -> str:
    """Of a skipped report's (file, line, "Skipped: reason"); one line."""
    text = str(found[2]) if isinstance(found, tuple) else str(found)
    return " ".join(text.removeprefix("Skipped: ").split())


def line(notes: Iterable[str]) -> str:
    """The sentence for *notes*, the known causes first."""
    told = list(notes)
    counts = Counter(note for note in told if note and not note.startswith(f"{LONG} "))
    parts = []
    if n := len({note for note in told if note.startswith(f"{LONG} ")}):
        parts.append(f"{n} are long (./test --long)")
    for word, what, how in _CAUSES:
        if n := sum(counts.pop(reason) for reason in list(counts) if word in reason):
            parts.append(f"{what.format(n=n)} ({how})")
    parts += [reason if n == 1 else f"{reason} ({n} times)" for reason, n in counts.items()]
    return "Left out: " + ("; ".join(parts) or "nothing") + "."


if __name__ == "__main__":
    print(line(Path(sys.argv[1]).read_text("utf-8").splitlines()))  # noqa: T201  # its purpose
