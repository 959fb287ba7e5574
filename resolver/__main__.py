"""python -m resolver, and the console script: `cli.main`, and silence if interrupted around it."""

from __future__ import annotations

import gc
import os
import sys

from resolver.runtime import interrupt


def run() -> int:
    """The exit status of the command."""
    interrupt.arm()
    try:
        from resolver.limits import START_OBJECTS  # noqa: PLC0415  # to be interrupted in here

        # What a start makes, stays: to look it over for garbage again and again is a quarter of it.
        gc.set_threshold(START_OBJECTS)
        from resolver.cli.main import main  # noqa: PLC0415  # as above

        status = main()
    except KeyboardInterrupt:  # it struck while `main` was dealing with another
        status = interrupt.INTERRUPTED
    finally:
        interrupt.ignore()
    if sys.argv[1:2] == ["serve"]:  # all is closed: to take caches apart would only take long
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(run())
