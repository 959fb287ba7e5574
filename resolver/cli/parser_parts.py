"""What the parsers of all commands are made of."""

from __future__ import annotations

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # its name


def add_command(
    commands: Commands, name: str, brief: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """A command: *brief* stands in the list of all, the rest in its own --help."""
    command = commands.add_parser(
        name,
        help=brief,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command_parser=command)
    return command


def add_config(command: argparse.ArgumentParser) -> None:
    """--config, as every command that uses a configuration has it."""
    command.add_argument("--config", metavar="FILE", help="configuration (TOML); none is fine")
