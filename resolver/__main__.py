"""python -m resolver, and the console script: `cli.main`, and silence if interrupted before it."""

from __future__ import annotations

import sys


def run() -> int:
    """The exit status of the command."""
    try:
        from resolver.cli.main import main  # noqa: PLC0415  # to be interrupted in here
    except KeyboardInterrupt:
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(run())
