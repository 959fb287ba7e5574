"""Log lines for operators: to stderr or a file, one per change of state, quiet by default.

Names that clients ask for are personal data and stay below DEBUG. Lines carry no time when they go
to a service manager that stamps them itself (JOURNAL_STREAM, set by systemd).
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.config.schema import Log

_STAMPED = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BARE = "%(levelname)s %(name)s: %(message)s"


def configure(log: Log) -> None:
    """Send what the program logs where *log* says. Raises OSError if the file cannot be opened."""
    root = logging.getLogger("resolver")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    if log.destination == "stderr":
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.FileHandler(log.destination, encoding="utf-8")
    is_stamped_elsewhere = log.destination == "stderr" and "JOURNAL_STREAM" in os.environ
    handler.setFormatter(logging.Formatter(_BARE if is_stamped_elsewhere else _STAMPED))
    root.addHandler(handler)
    root.setLevel(log.level.upper())
    root.propagate = False
