"""The public names are typed: a type checker follows a user's program through them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
from typing import assert_type

import dns.rdata
import resolver


async def ask(r: resolver.Resolver) -> tuple[str, ...]:
    return (await r.resolve("www.example.com", "AAAA")).addresses


async def main() -> None:
    async with resolver.open(resolver.Config()) as r:
        assert_type(r, resolver.Resolver)
        assert_type(await ask(r), tuple[str, ...])
    with resolver.open_sync({"outgoing": {"ipv6": False}}, lab=True, zones={"a.test": ""}) as s:
        assert_type(s, resolver.SyncResolver)
        answer = s.resolve("www.example.com", 1, timeout=1.5)
        assert_type(answer.records, tuple[dns.rdata.Rdata, ...])
        assert_type(answer.security, resolver.Security)
        try:
            s.resolve_address("192.0.2.1")
        except resolver.Bogus as error:
            assert_type(error.answer, resolver.Answer)
            assert_type(error.why, str)
"""
WRONG = """
import resolver

with resolver.open_sync(lab="yes") as r:
    r.resolve(80)
    r.resolve("www.example.com").adresses
"""


def mypy(path: Path, program: str) -> subprocess.CompletedProcess[str]:
    """By the project's own configuration, which is strict, and so by its cache too."""
    file = path / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_program_that_is_right_passes_and_one_that_is_wrong_does_not(tmp_path: Path) -> None:
    done = mypy(tmp_path, GOOD)
    assert done.returncode == 0, done.stdout
    done = mypy(tmp_path, WRONG)
    assert [line.rpartition("[")[2] for line in done.stdout.splitlines()[:-1]] == [
        "arg-type]",
        "arg-type]",
        "attr-defined]",
    ]


def test_the_package_says_that_it_is_typed() -> None:
    """PEP 561: without the mark, what is installed counts as untyped."""
    assert (ROOT / "resolver" / "py.typed").is_file()
