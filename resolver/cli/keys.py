"""resolver keys: every key of the configuration file, its default, and what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import tables

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    print(tables.keys_markdown())
    return 0
