"""A breaker: when something outside is left alone because it fails, and when it is tried again.

Closed: in use. A number of failures running, or one that says that it is gone, opens it: nobody
asks then. After a pause it is half open: one try, by who keeps it, decides. Pauses double while it
fails, and begin anew once it has been of use. Pure.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from random import Random


class State(enum.Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    HALF_OPEN = "half open"
    OPEN = "open"


class Breaker:
    """*failures* running open it; pauses last from *least_s* to *most_s* seconds."""

    COUNTS: ClassVar = {"opened": "Times that it was left alone because it failed."}

    def __init__(self, *, failures: int, least_s: float, most_s: float) -> None:
        self.state = State.OPEN
        self.opened = 0
        self._most = failures
        self._failed = 0
        self._least_s = least_s
        self._most_s = most_s
        self._pause_s = least_s

    def __repr__(self) -> str:
        return f"<Breaker {self.state.value}>"

    @property
    def is_closed(self) -> bool:
        return self.state is State.CLOSED

    def try_again(self) -> None:
        """The pause is over: one try."""
        self.state = State.HALF_OPEN

    def close(self) -> None:
        """The try went well."""
        self.state = State.CLOSED
        self._failed = 0

    def note_use(self) -> None:
        """It was of use: what failed before is forgiven."""
        self._failed = 0
        self._pause_s = self._least_s

    def note_failure(self) -> bool:
        """True if that is one too many: `open` it."""
        self._failed += 1
        return self._failed >= self._most

    def open(self) -> None:
        """Leave it alone from now on."""
        self.opened += self.state is State.CLOSED
        self.state = State.OPEN

    def pause_s(self, rng: Random) -> float:
        """For how many seconds it is left alone: half of them are chance, or all who do so would
        come back at once."""
        pause_s = self._pause_s * (0.5 + rng.random() / 2)
        self._pause_s = min(2 * self._pause_s, self._most_s)
        return pause_s
