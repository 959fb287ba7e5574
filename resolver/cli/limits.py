"""resolver limits: every bound of the program as a markdown table; docs/limits.md is made so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import limit_table

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    print(limit_table.limits_markdown())
    return 0
