"""python -m resolver, and the console script: `cli.main`, and silence if interrupted around it."""

from __future__ import annotations

import sys

from resolver.runtime import interrupt


def run() -> int:
    """The exit status of the command."""
    interrupt.arm()
    try:
        from resolver.cli.main import main  # noqa: PLC0415  # to be interrupted in here

        return main()
    except KeyboardInterrupt:  # it struck while `main` was dealing with another
        return interrupt.INTERRUPTED
    finally:
        interrupt.ignore()


if __name__ == "__main__":
    sys.exit(run())
