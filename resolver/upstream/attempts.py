"""What one cut query sent to whom, what is on its way, and what became of the rest. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import SENDS_PER_ADDRESS

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.upstream.transmission import Transmission

_NOBODY: frozenset[Key] = frozenset()
SILENT = "no reply"


class Attempts:
    """*sends* by server, *total* of them; *rejected* are not asked again, *reasons* say why.

    *on_its_way*: what is waited for over UDP, lost packets whose port is open among them; who
    executes takes out what has come to its end. *streams*: servers that are asked over TCP.
    """

    __slots__ = ("on_its_way", "reasons", "rejected", "sends", "streams", "total")

    def __init__(self) -> None:
        self.on_its_way: list[Transmission] = []
        self.streams = _NOBODY
        self.sends: dict[Key, int] = {}
        self.total = 0
        self.rejected = _NOBODY
        self.reasons: dict[Server, str] = {}

    def __repr__(self) -> str:
        return f"<Attempts {self.total} sent, {len(self.on_its_way)} on their way>"

    def has_live(self, now: float) -> bool:
        """Something on its way may still be answered."""
        if self.streams:
            return True
        for each in self.on_its_way:  # noqa: SIM110 - any() costs a generator
            if each.expires_at > now:
                return True
        return False

    def are_overdue(self, now: float) -> bool:
        """All that is on its way is, or nothing is."""
        return all(each.is_overdue(now) for each in self.on_its_way)

    def may_repeat(self, key: Key) -> bool:
        """RFC 9520 §3.1: how often one server is asked one question."""
        return self.sends.get(key, 0) < SENDS_PER_ADDRESS

    def may_repeat_any(self) -> bool:
        """May anybody of those who were asked be asked again?"""
        return any(count < SENDS_PER_ADDRESS for count in self.sends.values())

    def add(self, key: Key) -> None:
        """One more goes out, or somebody else's is waited for."""
        self.sends[key] = self.sends.get(key, 0) + 1
        self.total += 1

    def take_back(self, transmission: Transmission) -> None:
        """It never went out."""
        self.on_its_way.remove(transmission)
        self.sends[transmission.state.key] -= 1
        self.total -= 1

    def reject(self, server: Server, reason: str) -> None:
        self.rejected |= {server.key}
        self.reasons[server] = reason

    def reset(self) -> None:
        """What was lost in an outage counts for nothing."""
        self.sends.clear()
        self.total = 0
        self.rejected = _NOBODY
