"""May this client ask? A list of networks, held against the octets of its address.

Closed by default: what no network covers is refused, so that nobody is an open resolver by chance
(RFC 5358). Which network matches does not matter, since every one allows. Cost: one dict look-up
for a client seen lately.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from resolver.limits import ACL_MEMORY
from resolver.model import DROPPED, Answer, Ede, Source
from resolver.policy.networks import Networks
from resolver.policy.path import Step
from resolver.protocol.codes import EdeCode, Rcode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Query

_PROHIBITED: Final = (Ede(EdeCode.PROHIBITED),)
_REFUSED: Final = (Source.REFUSED,)


class Acl(Step):
    """Networks whose clients are served. *networks* is text: "192.0.2.0/24", "::1"."""

    name = "access list"

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: Networks[bool] = Networks()
        self._lately: dict[bytes, bool] = {}
        for text in networks:
            self._networks.put(text, value=True)

    def __repr__(self) -> str:
        return f"<Acl of {len(self._networks)} networks>"

    def before(self, query: Query) -> Answer | None:
        """REFUSED for who is not on the list; a question of our own has no client to refuse."""
        source = query.source
        if not source or self._lately.get(source) or self.admits(source):
            return None
        return Answer(query.question, Rcode.REFUSED, ede=_PROHIBITED, sources=_REFUSED)

    def admits(self, source: bytes) -> bool:
        """True if a network covers *source*, 4 or 16 octets as in a sockaddr."""
        known = self._lately.get(source)
        if known is not None:
            return known
        is_allowed = self._networks.closest(source) is not None
        if len(self._lately) >= ACL_MEMORY:  # spoofed sources must not fill memory
            self._lately.clear()
        self._lately[source] = is_allowed
        return is_allowed

    def allows(self, host: str) -> bool:
        """The same for the text form that sockets give (a scope is ignored)."""
        return self.admits(ipaddress.ip_address(host.partition("%")[0]).packed)


class Refusal(Step):
    """Nobody of the view is served: REFUSED."""

    name = "refused"

    def before(self, query: Query) -> Answer | None:
        if not query.source:
            return None
        return Answer(query.question, Rcode.REFUSED, ede=_PROHIBITED, sources=_REFUSED)

    def admits(self, source: bytes) -> bool:
        return not source


class Silence(Refusal):
    """Nobody of the view is served, nor told so."""

    name = "dropped"

    def before(self, query: Query) -> Answer | None:
        return DROPPED if query.source else None
