"""--help helps: every argument is explained, and every command shows how it is used."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from resolver.cli.parser import parser

WIDTH = 80  # of a terminal


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


def examples(command: argparse.ArgumentParser) -> list[str]:
    """The lines under "examples:", without what is said about them behind two spaces or more."""
    block = re.search(r"^examples:\n((?:  .*\n?|\n(?=  ))+)", command.epilog or "", re.MULTILINE)
    lines = block[1].splitlines() if block else []
    called = (re.split(r"\s{2,}", line.strip())[0] for line in lines)
    return [line for line in called if line.startswith("resolver ")]


@pytest.mark.parametrize("name", commands())
def test_every_argument_is_explained(name: str) -> None:
    silent = [one.dest for one in commands()[name]._actions if not one.help]
    assert silent == []


@pytest.mark.parametrize("name", commands())
def test_every_command_is_described_and_has_examples(name: str) -> None:
    command = commands()[name]
    assert command.description
    assert any(line.startswith(f"resolver {name}") for line in examples(command))


def test_the_list_of_commands_says_what_each_does() -> None:
    action = next(one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    assert {line.dest for line in action._choices_actions if line.help} >= set(commands())


@pytest.mark.parametrize("name", ["", *commands()])
def test_the_examples_are_command_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is read without complaint, up to the pipe or redirection behind it."""
    command = commands()[name] if name else parser()
    for line in examples(command):
        words = shlex.split(re.split(r" [|>]|&&", line)[0])[1:]
        try:
            parser().parse_known_args(words)
        except SystemExit:
            pytest.fail(f"{line}: {capsys.readouterr().err}")


@pytest.mark.parametrize("name", ["", *commands()])
def test_help_fits_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    command = commands()[name] if name else parser()
    too_long = [
        line for text in (command.description, command.epilog) if text
        for line in text.splitlines() if len(line) > WIDTH
    ]  # fmt: skip
    assert too_long == []
