"""Nameserver names that one cut query wants looked up, and how often it may want more. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import NS_LOOKUPS_PER_CUT

if TYPE_CHECKING:
    from resolver.errors import WorkExceeded


class Lookups:
    """*is_wanted* until one begins; *is_exhausted* once nothing is left to be looked up."""

    __slots__ = ("_rounds", "error", "is_exhausted", "is_running", "is_wanted")

    def __init__(self) -> None:
        self.is_wanted = False
        self.is_running = False
        self.is_exhausted = False
        self.error: WorkExceeded | None = None
        self._rounds = 0

    @property
    def are_open(self) -> bool:
        """An address may still come of one."""
        return self.is_wanted or self.is_running

    def begin(self) -> None:
        """The asker does what is wanted."""
        self.is_wanted = False
        self.is_running = True

    def end(self, error: WorkExceeded | None, *, found_more: bool) -> None:
        """It did. *error*: a bound ended it."""
        self.is_running = False
        self._rounds += 1
        if error is not None:
            self.error = error
        if not found_more or self._rounds >= NS_LOOKUPS_PER_CUT:
            self.is_exhausted = True

    def take_error(self) -> WorkExceeded | None:
        """Once: raised and kept, an error holds the frames that hold it."""
        error, self.error = self.error, None
        return error
