"""3 may they: which client is treated in which way. Each maps to one view.

The most specific network that holds the client's address decides, then the address that it asked
at, then there is everybody's view. Views whose steps are the same share a tag, and so packets.
Cost: a call where there is one view; else a dict look-up more for a client met lately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import ACL_MEMORY
from resolver.model import EVERYBODY, View
from resolver.policy.networks import Networks
from resolver.policy.path import PolicyPath

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.policy.path import Step


class Clients(NamedTuple):
    """Who is in a view: in *networks* ("192.0.2.0/24"), or asking at one of *listeners*."""

    name: str
    steps: tuple[Step, ...]
    networks: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()


class Views:
    """*steps* are for all who are not among *others*. Never changed: new ones are put in place."""

    def __init__(self, steps: Sequence[Step] = (), others: Iterable[Clients] = ()) -> None:
        self._tags: dict[tuple[Step, ...], int] = {}
        self.default = self._path(EVERYBODY.name, tuple(steps))
        self._by_network: Networks[PolicyPath] = Networks()
        self._by_listener: dict[str, PolicyPath] = {}
        self._lately: dict[tuple[bytes, str], PolicyPath] = {}
        self.paths = [self.default]
        self.only: PolicyPath | None = None  # where there is one view
        for clients in others:
            path = self._path(clients.name, clients.steps)
            self.paths.append(path)
            for network in clients.networks:
                self._by_network.put(network, path)
            for listener in clients.listeners:
                self._by_listener[listener] = path
        if len(self.paths) == 1:
            self.only = self.default

    def __repr__(self) -> str:
        return f"<Views {', '.join(path.view.name for path in self.paths)}>"

    def _path(self, name: str, steps: tuple[Step, ...]) -> PolicyPath:
        return PolicyPath(View(name, self._tags.setdefault(steps, len(self._tags))), steps)

    def of(self, source: bytes, listener: str) -> PolicyPath:
        """What is done to queries from raw *source* that come to the address *listener*."""
        if self.only is not None:
            return self.only
        known = self._lately.get((source, listener))
        if known is not None:
            return known
        path = self._by_network.closest(source) or self._by_listener.get(listener) or self.default
        if len(self._lately) >= ACL_MEMORY:  # spoofed sources must not fill memory
            self._lately.clear()
        self._lately[source, listener] = path
        return path

    def tag(self, source: bytes, listener: str) -> int | None:
        """The tag of that client's packets; None: it gets none, whoever they were made for."""
        path = self.of(source, listener)
        return path.view.tag if path.admits(source) else None
