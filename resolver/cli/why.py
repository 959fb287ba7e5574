"""resolver why NAME [TYPE]: the story of a name, from what the daemon knows (`control why`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import control

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """As `resolver control why`."""
    options.verb = "why"
    return control.run(options)
