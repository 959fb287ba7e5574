"""resolver limits: every bound of the program as a markdown table; the README's is made so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import tables

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    print(tables.limits_markdown())
    return 0
