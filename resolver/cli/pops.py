"""resolver pops [ZONE|ADDRESS ...]: which instances of servers answer, how far away, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import control

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """As `resolver control pops`; with --active as `resolver control probe`."""
    options.verb = "probe" if options.active else "pops"
    return control.run(options)
