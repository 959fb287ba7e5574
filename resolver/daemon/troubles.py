"""What stands in the way of what goes on all the same: a line, and one when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class Trouble:
    """Told by *log* when it begins, or is another. *tells* False: another process says it all."""

    def __init__(self, log: logging.Logger, *, tells: bool) -> None:
        self._log = log
        self._tells = tells
        self._why = ""

    def __repr__(self) -> str:
        return f"<Trouble: {self._why or 'none'}>"

    @property
    def why(self) -> str:
        """What it is now; "" for none."""
        return self._why

    def note(self, why: str, fails: str, goes_on: str) -> None:
        """It is *why* now, "" for none: *fails* and *goes_on* are what is said, then and after."""
        before, self._why = self._why, why
        if not self._tells or why == before:
            return
        if why:
            self._log.warning("%s: %s", fails, why)
        else:
            self._log.warning("%s", goes_on)
