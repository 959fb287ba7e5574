"""Of all rules for a name, which one counts. Pure.

    what the configuration or an operator allows
    > @@...$important > $important > @@... and [[allow]]
    > lists that are for the client's tags > lists that are for everybody

At equal rank the most specific name decides. An exception (`@@`) lifts what is below it in that
order, not only what its own list says.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import LIST_CLIENT_SETS
from resolver.policy.networks import Networks
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resolver.model import Name
    from resolver.policy.list_file import Found
    from resolver.policy.list_rules import Rewrite, Terms


class Rank(enum.IntEnum):
    """The lowest counts."""

    ALLOWED_HERE = 0
    ALLOWED_IMPORTANT = 1
    IMPORTANT = 2
    ALLOWED = 3
    OF_TAG = 4
    BLOCKED = 5


class ListUse(NamedTuple):
    """How one list is used. *action*: as `policy.block_answer`, None for what that says; *reason*:
    "censored" is told as that."""

    ident: str
    name: str
    is_allow: bool = False
    action: str | tuple[str, ...] | None = None
    tags: frozenset[str] = frozenset()
    reason: str = ""


class Asker(NamedTuple):
    """Whom a rule is held against: the type asked for, the client's raw address, its view."""

    qtype: int
    source: bytes = b""
    view: str = ""


class Ruling(NamedTuple):
    """The rule that counts: of which list, on which line; *depth* octets below the name listed.

    *rewrites*: what is told instead, where a rule says so.
    """

    rank: Rank
    use: ListUse
    line: int = 0
    depth: int = 0
    rewrites: tuple[Rewrite, ...] = ()

    @property
    def allows(self) -> bool:
        """Is the name let through?"""
        return self.rank in _ALLOWS


_ALLOWS: Final = frozenset({Rank.ALLOWED_HERE, Rank.ALLOWED_IMPORTANT, Rank.ALLOWED})


def ruling(
    found: Iterable[Found], name: Name, asker: Asker, uses: Mapping[int, ListUse]
) -> Ruling | None:
    """What counts of *found*, the rules for *name*; None if nothing does. *uses*: lists that are
    for this client, by number."""
    there: list[tuple[Rank, Found]] = []
    off: list[Rewrite] = []
    for one in found:
        use = uses.get(one.number)
        if use is None:
            continue
        rule = one.rule
        terms = rule.terms if rule is not None else None
        if terms is not None and not holds(terms, name, asker):
            continue
        if terms is not None and terms.rewrite is not None and terms.rewrite.is_off:
            off.append(terms.rewrite)
            continue
        there.append((_rank(one, use), one))
    if off:
        there = [each for each in there if not _is_off(each[1], off)]
    if not there:
        return None
    rank, best = min(there, key=lambda each: (each[0], each[1].depth))
    rewrites = _rewrites(there, rank, best.depth) if rank not in _ALLOWS else ()
    return Ruling(rank, uses[best.number], best.line, best.depth, rewrites)


def _rank(found: Found, use: ListUse) -> Rank:
    rule = found.rule
    if rule is not None and (rule.allows or rule.is_important):
        if not rule.allows:
            return Rank.ALLOWED if use.is_allow else Rank.IMPORTANT
        return Rank.ALLOWED_IMPORTANT if rule.is_important else Rank.ALLOWED
    if use.is_allow:
        return Rank.ALLOWED
    return Rank.OF_TAG if use.tags else Rank.BLOCKED


def holds(terms: Terms, name: Name, asker: Asker) -> bool:
    """Do the conditions of a rule hold?"""
    types = terms.types
    if (types and asker.qtype not in types) or asker.qtype in terms.not_types:
        return False
    if terms.except_below and any(_is_below(name[:-1], each) for each in terms.except_below):
        return False
    if terms.not_clients and is_client(terms.not_clients, asker):
        return False
    return not terms.clients or is_client(terms.clients, asker)


def is_client(texts: tuple[str, ...], asker: Asker) -> bool:
    """Is who asks one of these: addresses, networks, names of views?"""
    if asker.view in texts:
        return True
    if not asker.source:
        return False
    return bool(_networks(texts).closest(asker.source))


@lru_cache(maxsize=LIST_CLIENT_SETS)
def _networks(texts: tuple[str, ...]) -> Networks[bool]:
    networks: Networks[bool] = Networks()
    for text in texts:
        with suppress(ValueError):  # the name of a view, which may have a slash
            networks.put(text, value=True)
    return networks


def _is_below(key: bytes, top: bytes) -> bool:
    """Is the name *key* at or below *top*, both without their root?"""
    while len(key) > len(top):
        key = key[key[0] + 1 :]
    return key == top


def _is_off(found: Found, off: list[Rewrite]) -> bool:
    terms = found.rule.terms if found.rule is not None else None
    rewrite = terms.rewrite if terms is not None else None
    if rewrite is None:
        return False
    told = rewrite.rcode, rewrite.rtype, rewrite.rdata
    return any(
        not (one.rtype or one.rcode) or (one.rcode, one.rtype, one.rdata) == told for one in off
    )


def _rewrites(there: list[tuple[Rank, Found]], rank: Rank, depth: int) -> tuple[Rewrite, ...]:
    """What is told: another name, else a code, else all records (AdGuard's order)."""
    found = [
        one.rule.terms.rewrite
        for each, one in there
        if each is rank and one.depth == depth and one.rule is not None
        and one.rule.terms is not None and one.rule.terms.rewrite is not None
    ]  # fmt: skip
    for one in found:
        if one.rtype == RRType.CNAME:
            return (one,)
    for one in found:
        if one.rcode:
            return (one,)
    return tuple(found)
