"""What outages mean to others, who are told of them (`ways`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name
    from resolver.protocol.message import Message
    from resolver.upstream.way import Way

    Tell = Callable[[Way, bool, float], None]


class OutageHooks(NamedTuple):
    """What outages mean to others.

    *forgive* is called with a zone when what failed in it and below turns out to be our link's
    doing; *changed* when an outage began or ended, with whether there is one now; *is_genuine*
    tells whether what is said of the root's NS set comes from its servers, so far as can be told.
    """

    forgive: Callable[[Name], None] = lambda _: None
    changed: Callable[[bool], None] = lambda _: None
    is_genuine: Callable[[Message], bool] = lambda _: True


def nobody(_way: Way, _is_cut: bool, _since: float) -> None:  # noqa: FBT001
    """Nobody is told."""
