"""resolver uninstall: `setup.run` does it; here is what one is told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from resolver.cli.parser_setup import DEFAULT_NAME
from resolver.setup.failures import SetupFailed
from resolver.setup.run import Setup

if TYPE_CHECKING:
    import argparse

FAILED = 1


def run(options: argparse.Namespace) -> int:
    """0 if everything is as it was, 1 if not."""
    setup = Setup(lambda line: print(line, flush=True))
    try:
        if options.dry_run:
            for line in setup.changed() or (
                "nothing: `resolver install` has changed nothing here",
            ):
                print(line)
            return 0
        setup.uninstall(options.name or DEFAULT_NAME, forced=options.force, purges=options.purge)
    except SetupFailed as failure:
        print(f"resolver: {failure}", file=sys.stderr)
        return FAILED
    print("done: this machine is as it was before")
    return 0
