"""What a cache tells of all that it puts, where somebody keeps it beside."""

from __future__ import annotations

from typing import Protocol


class Learning(Protocol):
    """A queue: on the way to the disk, to other machines, or both."""

    def append(self, what: object, /) -> None: ...
