"""What is typed is completed, by the shells themselves: bash, zsh and fish."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.cli import completion

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0

# What is typed → what may stand in its last word's place. One way each: zsh completes it.
CASES = {
    "resolver ser": {"serve"},
    "resolver serve --li": {"--listen"},
    "resolver query www.example.com --dns": {"--dnssec"},
    "resolver query www.example.com AAA": {"AAAA"},
    "resolver trace --lab www.example.com DNSK": {"DNSKEY"},
    "resolver completion f": {"fish"},
    "resolver keys server.rate": {"server.rate_limit"},
    "resolver check home.t": {"home.toml"},
    "resolver serve --config home.t": {"home.toml"},
}


def needs(shell: str) -> str:
    """The path of *shell*; skips the test where it is not installed."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"not installed: {shell}")
    return found


def run(directory: Path, *argv: str) -> list[str]:
    (directory / "home.toml").touch()
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def by_bash(typed: str, directory: Path) -> set[str]:
    script = """
    source "$1"; shift
    function_=$(complete -p resolver); function_=${function_##*-F }
    COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    "${function_%% *}"
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    file = str(ROOT / completion.FILES["bash"])
    return set(run(directory, needs("bash"), "--norc", "-c", script, "bash", file, *typed.split()))


def by_fish(typed: str, directory: Path) -> set[str]:
    script = "source $argv[1]; complete -C $argv[2]"
    lines = run(
        directory, needs("fish"), "-N", "-c", script, str(ROOT / completion.FILES["fish"]), typed
    )
    return {line.partition("\t")[0] for line in lines}


@pytest.mark.parametrize(("typed", "expected"), CASES.items(), ids=CASES)
def test_bash_completes(typed: str, expected: set[str], tmp_path: Path) -> None:
    assert by_bash(typed, tmp_path) == expected


@pytest.mark.parametrize(("typed", "expected"), CASES.items(), ids=CASES)
def test_fish_completes(typed: str, expected: set[str], tmp_path: Path) -> None:
    assert by_fish(typed, tmp_path) == expected


def test_zsh_completes(tmp_path: Path) -> None:
    """By compinit, from a directory of its fpath, in one session at a terminal."""
    (tmp_path / "home.toml").touch()
    assert by_zsh(CASES, tmp_path) == {
        typed: f"{typed.rpartition(' ')[0]} {next(iter(expected))}"
        for typed, expected in CASES.items()
    }


def by_zsh(lines: Iterable[str], directory: Path) -> dict[str, str]:
    """The command line that each of *lines* becomes when the tabulator key is pressed."""
    functions = (ROOT / completion.FILES["zsh"]).parent
    setup = (
        f"PROMPT= RPROMPT=; fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D\n"
        "show() { print -r -- \"<$BUFFER>\"; BUFFER=; }; zle -N show; bindkey '^X' show; cd .\n"
        "unsetopt zle_bracketed_paste; print -r -- '<ready>'\n"
    )
    argv = [needs("zsh"), "-f", "-i"]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(directory)
        os.execve(argv[0], argv, {**os.environ, "TERM": "dumb"})  # noqa: S606
    try:
        os.write(terminal, setup.encode())
        wait_for(terminal, r"\n<(ready)>")
        made = {}
        for line in lines:
            os.write(terminal, f"{line}\t\x18".encode())
            made[line] = wait_for(terminal, r"<(resolver [^>]*)>").strip()
        return made
    finally:
        os.write(terminal, b"\nexit\n")
        os.close(terminal)
        os.waitpid(child, 0)


def wait_for(terminal: int, pattern: str) -> str:
    """The group of *pattern* in what the terminal shows next. Fails if that takes too long."""
    seen, give_up = "", time.monotonic() + PATIENCE_S
    while (found := re.search(pattern, seen)) is None:
        left = give_up - time.monotonic()
        assert left > 0, f"{pattern} did not come: {seen!r}"
        if select.select([terminal], [], [], left)[0]:
            seen += os.read(terminal, 65_536).decode(errors="replace")
    return found[1]


def test_the_command_prints_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    from resolver.cli.main import main  # noqa: PLC0415

    for shell, path in completion.FILES.items():
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out == (ROOT / path).read_text("utf-8")
