"""Block and allow lists, as verbs see them (`daemon.list_desk`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Name


class ListDesk(Protocol):
    """What is known of lists, and what may be done to them for a while."""

    def rows(self) -> Sequence[dict[str, Any]]:
        """Each list: its name, how many names it has, how old it is, what is wrong with it."""
        ...

    async def tested(self, name: Name, qtype: int, client: str) -> dict[str, Any]:
        """What lists say of *name* to *client* ("": nobody special). Raises Refused."""
        ...

    async def let_through(self, name: Name, until: float | None) -> None:
        """As `daemon.list_overriding`, as are the next two."""
        ...

    async def block(self, name: Name, until: float | None) -> None: ...
    async def pause(self, until: float | None) -> None: ...
