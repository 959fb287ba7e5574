"""Priming: ask one of the hints for the root's own NS set (RFC 9609).

Hints are only hints: the answer replaces them, and if nothing answers the hints go on serving. Done
at start and again before the set expires, never on a client's critical path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.model import Delegation, Question, Server, Verdict
from resolver.protocol import names
from resolver.protocol.addresses import address_text
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name, Outcome, RRset

ROOT_NS = Question(names.ROOT, RRType.NS)


def hints_delegation(hints: Iterable[tuple[Name, str]]) -> Delegation:
    """The root as the hints file knows it: (nameserver name, address) pairs. Never expires."""
    glue: dict[Name, tuple[Server, ...]] = {}
    for name, host in hints:
        glue[name] = (*glue.get(name, ()), Server(host, 53, name))
    return Delegation(
        names.ROOT, tuple(glue), dict(glue), expires_at=float("inf"), glue=glue
    )


def primed_delegation(
    outcome: Outcome, addresses: Iterable[RRset], hints: Delegation, *, now: float
) -> Delegation | None:
    """The root as its own servers state it; names without an address keep the hint's.

    None if the outcome is no NS set. *addresses* are A and AAAA RRsets from ADDITIONAL.
    """
    if outcome.verdict is not Verdict.ANSWER or not outcome.answer:
        return None
    ns = outcome.answer[0]
    nameservers = tuple(dict.fromkeys(rdata.lower() for rdata in ns.rdatas))
    glue: dict[Name, tuple[Server, ...]] = {}
    for rrset in addresses:
        hosts = [address_text(rrset.rtype, rdata) for rdata in rrset.rdatas]
        servers = tuple(Server(host, 53, rrset.owner) for host in hosts if host is not None)
        glue[rrset.owner] = glue.get(rrset.owner, ()) + servers
    for name in nameservers:
        if name not in glue and name in hints.glue:
            glue[name] = hints.glue[name]
    glue = {name: glue[name] for name in nameservers if name in glue}
    if not glue:
        return None
    return Delegation(
        names.ROOT, nameservers, dict(glue), expires_at=now + ns.ttl, glue=glue
    )
