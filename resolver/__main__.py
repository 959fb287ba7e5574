"""python -m resolver, and the console script: `cli.main`, and silence if interrupted around it."""

from __future__ import annotations

import signal
import sys


def run() -> int:
    """The exit status of the command."""
    try:
        from resolver.cli.main import main  # noqa: PLC0415  # to be interrupted in here

        status = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is the interpreter's end
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(run())
