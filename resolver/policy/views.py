"""3 may they: which client is treated in which way. Each maps to one view.

Of the views that a query fits, the one with the most specific network that holds the client's
address decides, then one that names the listener, then one that names the transport; else it is
everybody's. Views whose steps are the same share a tag, and so packets.
Cost: a call where there is one view; else a dict look-up more for a client met lately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import ACL_MEMORY
from resolver.model import EVERYBODY, View
from resolver.policy.networks import Networks
from resolver.policy.path import PolicyPath
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from resolver.policy.path import Step

    Place = tuple[str, Transport]  # a listener, and what is spoken there
    _Rule = tuple["Clients", PolicyPath]


class Clients(NamedTuple):
    """Who is in a view: in one of *networks* ("192.0.2.0/24"), asking at one of *places*, over one
    of *transports*; what is empty does not matter. *steps* are what is done to their queries."""

    name: str
    steps: tuple[Step, ...]
    networks: tuple[str, ...] = ()
    places: AbstractSet[Place] = frozenset()
    transports: AbstractSet[Transport] = frozenset()

    @property
    def rank(self) -> tuple[bool, bool]:
        """Among views of one network, the highest that fits is meant."""
        return bool(self.places), bool(self.transports)

    def has(self, listener: str, transport: Transport) -> bool:
        """True if it is for who asks at *listener* over *transport*."""
        return (not self.places or (listener, transport) in self.places) and (
            not self.transports or transport in self.transports
        )


class Views:
    """*steps* are for all who are not among *others*. Never changed: new ones replace them."""

    def __init__(
        self, steps: Sequence[Step] = (), others: Iterable[Clients] = (), name: str = EVERYBODY.name
    ) -> None:
        self._tags: dict[tuple[Step, ...], int] = {}
        self.default = self._path(name, tuple(steps))
        self._anywhere: list[_Rule] = []
        self._by_network: Networks[list[_Rule]] = Networks()
        self.lately: dict[tuple[bytes, str, Transport], PolicyPath] = {}
        """What `of` found for who asked lately: raw address, listener, transport."""
        self.paths = [self.default]
        for clients in sorted(others, key=lambda one: one.rank, reverse=True):
            rule = clients, self._path(clients.name, clients.steps)
            self.paths.append(rule[1])
            if not clients.networks:
                self._anywhere.append(rule)
            for network in clients.networks:
                self._by_network.setdefault(network, []).append(rule)
        self.only = self.default if len(self.paths) == 1 else None
        """The path of all, where there is but one."""

    def __repr__(self) -> str:
        return f"<Views {', '.join(path.view.name for path in self.paths)}>"

    def _path(self, name: str, steps: tuple[Step, ...]) -> PolicyPath:
        tag = self._tags.setdefault(steps, len(self._tags))
        tells_stale = all(step.tells_stale for step in steps)
        return PolicyPath(View(name, tag, tells_stale), steps)

    def named(self, name: str) -> PolicyPath | None:
        """The path of the view *name*."""
        return next((path for path in self.paths if path.view.name == name), None)

    def of(self, source: bytes, listener: str, transport: Transport = Transport.UDP) -> PolicyPath:
        """What is done to queries from raw *source* that come to *listener* over *transport*."""
        if self.only is not None:
            return self.only
        known = self.lately.get((source, listener, transport))
        if known is not None:
            return known
        path = self._find(source, listener, transport)
        if len(self.lately) >= ACL_MEMORY:  # spoofed sources must not fill memory
            self.lately.clear()
        self.lately[source, listener, transport] = path
        return path

    def _find(self, source: bytes, listener: str, transport: Transport) -> PolicyPath:
        for found in (*self._by_network.around(source), self._anywhere):
            for clients, path in found:
                if clients.has(listener, transport):
                    return path
        return self.default

    def tag(self, source: bytes, listener: str, transport: Transport = Transport.UDP) -> int | None:
        """The tag of that client's packets; None: it gets none, whoever they were made for."""
        path = self.of(source, listener, transport)
        return path.view.tag if path.admits(source) else None
