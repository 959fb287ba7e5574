"""What several workers say of the same things, each thing once. Pure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.operate.verb import Reply

    Row = dict[str, Any]


def each_once(
    replies: Sequence[Reply],
    table: str,
    key: Callable[[Row], object],
    both: Callable[[Row, Row], Row],
) -> list[Row]:
    """The rows of *table* of all workers, the first one's first; those of one *key* as *both*."""
    joined: dict[object, Row] = {}
    for row in chain.from_iterable(reply[table] for reply in replies):
        at = key(row)
        joined[at] = both(joined[at], row) if at in joined else row
    return list(joined.values())


def with_most(replies: Sequence[Reply]) -> Reply:
    """The `geography` of who has measured most servers."""
    about: Reply = max((reply["geography"] for reply in replies), key=lambda one: one["measured"])
    return about


def known_to_any(replies: Sequence[Reply], shown: int) -> int:
    """How many there are at least: each worker tells how many it knows, and shows some of them,
    which are so many different ones."""
    known: list[int] = [reply["known"] for reply in replies]
    return max(shown, *known)


def most_shown(replies: Sequence[Reply], table: str) -> int:
    """No more rows than one of them shows."""
    return max(len(reply[table]) for reply in replies)
