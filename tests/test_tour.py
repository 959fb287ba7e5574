"""docs/tour.md says what happens: each of its commands is run, and its output compared.

A block ```console has commands behind "$ " and what they print below them. "…" stands for what is
another each time: a time, a date, which of several servers was asked first. The lines of a trace
may come in another order, since what does not wait for each other is asked at once.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "docs" / "tour.md"
PORT = "5300"
PATIENCE_S = 30.0
LEAST_COMMANDS = 10


class Step(NamedTuple):
    """A command and the lines that it prints."""

    command: str
    expected: tuple[str, ...]


def steps(text: str) -> Iterator[Step]:
    """The commands of a document's console blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield Step(command, tuple(lines))


def differences(step: Step, printed: str) -> list[str]:
    """Lines that were expected and did not come, or came and were not expected."""
    lines = [line.rstrip() for line in printed.rstrip("\n").splitlines()]
    expected = list(step.expected)
    if step.command.startswith("resolver trace"):
        lines, expected = (sorted(map(_without_number, some)) for some in (lines, expected))
    if len(lines) != len(expected):
        return [f"{len(expected)} lines expected:", *expected, f"{len(lines)} came:", *lines]
    return [
        f"expected {wanted!r}, came {line!r}"
        for wanted, line in zip(expected, lines, strict=True)
        if re.fullmatch(".+?".join(map(re.escape, wanted.split("…"))), line) is None
    ]


def _without_number(line: str) -> str:
    return re.sub(r"^ *\d+ (?=\S+ +\S+ [A-Z])", "", line)


class Session:
    """A shell with `resolver` on its path, in the tree's root; daemons end with it."""

    def __init__(self, directory: Path) -> None:
        program = directory / "resolver"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m resolver "$@"\n')
        program.chmod(0o755)
        self.port = str(free_port())
        self.daemons: list[subprocess.Popen[bytes]] = []
        path = f"{directory}:{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}

    def run(self, command: str) -> str:
        """What *command* prints, on both streams."""
        here = command.replace(PORT, self.port)
        if command.endswith("&"):
            self._start(here.removesuffix("&").rstrip())
            return ""
        if command == "kill %1":
            self.stop()
            return ""
        done = subprocess.run(
            ("sh", "-c", here),
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return done.stdout.replace(self.port, PORT)

    def stop(self) -> None:
        while self.daemons:
            daemon = self.daemons.pop()
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(PATIENCE_S)

    def _start(self, command: str) -> None:
        argv = ("sh", "-c", f"exec {command}")
        self.daemons.append(subprocess.Popen(argv, cwd=ROOT, env=self._env))
        give_up = time.monotonic() + PATIENCE_S
        while not accepts(int(self.port)):
            assert self.daemons[-1].poll() is None, f"{command} has ended"
            assert time.monotonic() < give_up, f"{command} does not listen"
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_tour_goes_as_it_is_told(tmp_path: Path) -> None:
    session = Session(tmp_path)
    told = list(steps(TOUR.read_text("utf-8")))
    try:
        wrong = [
            f"$ {step.command}\n" + "\n".join(found)
            for step in told
            if (found := differences(step, session.run(step.command)))
        ]
    finally:
        session.stop()
    assert not wrong, "\n\n".join(wrong)
    assert len(told) >= LEAST_COMMANDS


def test_what_differs_is_found() -> None:
    """The comparison itself: another word, a line more, a line less."""
    step = Step("resolver query x", ("a … ms", "b"))
    assert differences(step, "a 12 ms\nb\n") == []
    assert differences(step, "a 12 s\nb\n") != []
    assert differences(step, "a 12 ms\nb\nc\n") != []
    assert differences(step, "a 12 ms\n") != []
    trace = Step("resolver trace x", ("  1 .  org. NS", "  2 org.  x. A"))
    assert differences(trace, "  1 org.  x. A\n  2 .  org. NS\n") == []
    assert differences(trace, "  1 org.  y. A\n  2 .  org. NS\n") != []
    assert [one.command for one in steps("```console\n$ a b\nc\n$ d &\n```\n")] == ["a b", "d &"]
