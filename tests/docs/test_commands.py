"""Every command in the README and docs/ is run here, or stands here with the reason why not.

A `console` block is a session: each `$ command` is run offline, and prints what stands below it;
`…` is what differs from run to run. A `sh` block is what the reader types on a machine of theirs.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resolver.cli.parser import parser
from resolver.config import load
from tests.docs import pages

if TYPE_CHECKING:
    from pathlib import Path

# Pages with a test of their own.
ELSEWHERE = {"docs/tour.md", "docs/python.md"}
# Sessions of the README's first steps.
NEEDS_THE_TREE = ("$ ./serve", "$ ./test", "$ .venv/bin/resolver")
# How a command of a `sh` block begins → why it is not run here, and who does.
NOT_RUN = {
    "sudo": "changes the machine: by hand, in a container with systemd as process 1",
    "printf": "writes beside it, with sudo: by hand, in the same container",
    "systemctl": "needs systemd: by hand, in the same container",
    "install": "certbot's hook: by hand, with the files of a renewal",
    "readlink": "looks at the machine's own /etc/resolv.conf",
    "head": "looks at the machine's own /etc/resolv.conf",
    "docker": "needs the image; tests/e2e/test_package_image.py runs it with podman",
    "curl": "needs the daemon on its port; tests/test_app.py asks for the metrics",
    "openssl": "needs the Internet; tests/upstream/test_proof.py makes a pin of a key",
    "pipx": "fetches libraries; tests/e2e/test_package_wheel.py does it",
    "exec": "needs port 53; tests/cli/test_serve.py starts the daemon",
    "resolver serve": "runs until it is stopped; tests/cli/test_serve.py starts it",
    "resolver query": "needs the Internet or the daemon on port 53; tests/cli ask in the lab",
    "resolver trace": "needs the Internet; tests/cli ask in the lab",
    "resolver check": "the machine's own file; docs/howto.md checks others",
    "resolver drill": "needs the daemon; tests/e2e/test_drill.py asks one",
    "resolver geo": "needs the daemon; tests/e2e/test_drill.py asks one",
    "resolver bench": "needs the Internet; tests/cli/test_compare.py compares in the lab",
}


def _reason(command: str) -> str | None:
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def _steps(session: str) -> list[tuple[str, str]]:
    """(command, what it prints) of a session."""
    parts = re.split(r"^\$ (.*)$", session, flags=re.MULTILINE)
    return list(zip(parts[1::2], (text.lstrip("\n") for text in parts[2::2]), strict=True))


def _fits(shown: str, printed: str) -> bool:
    """`…` alone on a line stands for any lines, within a line for anything in it."""
    if not shown.strip():
        return not printed.strip()
    lines = [
        "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n"
        for line in shown.rstrip("\n").splitlines()
    ]
    return re.fullmatch("".join(lines), printed.rstrip("\n") + "\n") is not None


# Of whoever tries the README's first command while the tests run.
IN_USE = re.compile(r"^note: a daemon of ours runs already, .*\n", re.MULTILINE)
SESSIONS = [
    block
    for block in pages.blocks("console")
    if block.page not in ELSEWHERE and not block.text.startswith(NEEDS_THE_TREE)
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which `resolver` is the one of this tree."""
    shim = tmp_path / "bin" / "resolver"
    shim.parent.mkdir()
    root, python = shlex.quote(str(pages.ROOT)), shlex.quote(sys.executable)
    shim.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m resolver "$@"\n', "utf-8")
    shim.chmod(0o755)
    return {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_a_session_prints_what_it_shows(
    session: pages.Block, environment: dict[str, str], tmp_path: Path
) -> None:
    for command, shown in _steps(session.text):
        ended = subprocess.run(
            ["/bin/sh", "-c", command],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        printed = IN_USE.sub("", ended.stdout.decode())
        assert _fits(shown, printed), f"{command}\n{printed}"


def test_what_differs_does_not_fit() -> None:
    assert _fits("a …\n…\nz\n", "a 1\nb\nc\nz\n")
    assert not _fits("a …\nz\n", "a 1\nb\nz\n")
    assert not _fits("a\n", "a\nb\n")


def _typed(block: pages.Block) -> list[str]:
    """The commands of a `sh` block: a line each, comments and continuations taken out."""
    joined = block.text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("block", pages.blocks("sh"), ids=str)
def test_what_is_not_run_has_its_reason(block: pages.Block) -> None:
    if block.page not in ELSEWHERE:
        assert [line for line in _typed(block) if _reason(line) is None] == []


@pytest.mark.parametrize("block", pages.blocks("toml"), ids=str)
def test_a_configuration_that_is_shown_is_a_good_one(block: pages.Block, tmp_path: Path) -> None:
    for name in ("lib", "log", "tls"):
        (tmp_path / name).mkdir()
    for name in ("tls/fullchain.pem", "tls/privkey.pem", "opennic.hints", "opennic.keys",
                 "lib/shared-secret"):  # fmt: skip
        (tmp_path / name).touch()
    text = block.text.replace("/var/lib/resolver", f"{tmp_path}/lib")
    text = text.replace("/var/log/resolver", f"{tmp_path}/log")
    text = text.replace("/etc/resolver", f"{tmp_path}")
    file = tmp_path / "resolver.toml"
    file.write_text(text, "utf-8")
    assert load.read(file)[1] == []


# --- commands within the prose -------------------------------------------------------------------
OF_OURS = {
    code
    for path in pages.pages()
    for code in pages.inline_code(path)
    if re.match(r"resolver [a-z]|make [a-z]|python -m ", code)
}


@pytest.mark.parametrize("code", sorted(OF_OURS))
def test_a_command_in_the_prose_exists(code: str) -> None:
    first, *rest = code.split()
    if first == "make":
        targets = (pages.ROOT / "Makefile").read_text("utf-8")
        assert re.search(rf"^[a-z -]*\b{re.escape(rest[0])}\b[a-z -]*:", targets, re.MULTILINE)
    elif first == "python":
        place = pages.ROOT.joinpath(*rest[1].split("."))
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
    else:
        commands = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
        options = commands[rest[0]]._option_string_actions  # type: ignore[index]
        assert [word for word in rest if word.startswith("--") and word not in options] == []
