"""What came of reading the configuration again: what changed, and from when on; or why nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.errors import ResolverError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.changes import Change
    from resolver.errors import ConfigError


class Reloaded(NamedTuple):
    """What came of it: what changed, and the *files* whose contents alone did.

    Of the changes those that need a restart wait for it: until then the old value counts.
    """

    changes: tuple[Change, ...]
    files: tuple[str, ...]

    @property
    def live(self) -> tuple[str, ...]:
        """What is in effect."""
        return (*self._keys("live"), *self.files)

    @property
    def reopened(self) -> tuple[str, ...]:
        """The same, of sockets and files."""
        return self._keys("reopen")

    @property
    def waiting(self) -> tuple[str, ...]:
        """What needs a restart."""
        return self._keys("restart")

    def _keys(self, effect: str) -> tuple[str, ...]:
        return tuple(str(change) for change in self.changes if change.effect == effect)

    def __str__(self) -> str:
        said = self._said("reopened") or ["nothing has changed"]
        if self.waiting:
            said.append(f"needs a restart: {', '.join(self.waiting)}")
        return f"reloaded: {'; '.join(said)}"

    def would_be(self) -> str:
        """The same, of what is not done."""
        said = self._said("opened anew") or ["nothing"]
        if self.waiting:
            said.append(f"at a restart only: {', '.join(self.waiting)}")
        return f"a reload would change: {'; '.join(said)}"

    def _said(self, opened: str) -> list[str]:
        live = [", ".join(self.live)] if self.live else []
        return live + ([f"{opened}: {', '.join(self.reopened)}"] if self.reopened else [])


class NotReloaded(ResolverError):
    """Nothing has changed, for these *problems*."""

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        self.problems = list(problems)
        super().__init__("not reloaded, nothing has changed: " + "; ".join(map(str, self.problems)))
