"""3 may they: block and allow lists, as a step of policy.

Before a query is resolved its name is looked up; after it, what the name turned out to be another
name for: every target of a CNAME, DNAME, HTTPS and SVCB record, and every address, where lists hold
some. What is blocked there blocks the whole answer, unless the name asked for is let through. So a
name that a page's own owner lends to a tracker is blocked as the tracker is.

`Lists` is one for a process: what is in force, which steps look at anew for each query. Another
table, a pause, a name that is let through for an hour take effect by an assignment, and whoever
does it has all packets forgotten. Cost of a name that is not listed: one look, ListStep.before.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from resolver.errors import WireError
from resolver.limits import LIST_LEADING
from resolver.policy.list_answers import Manner, blocked, canary
from resolver.policy.list_file import Found
from resolver.policy.list_judge import Asker, ListUse, Rank, Ruling, ruling
from resolver.policy.list_pattern import needed
from resolver.policy.list_rules import text_of
from resolver.policy.path import EVERY_ANSWER, Step
from resolver.protocol import names
from resolver.protocol.address_hints import address_hints
from resolver.protocol.codes import RRClass, RRType
from resolver.protocol.shapes import plain_name_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from resolver.config.schema import Config
    from resolver.model import Answer, Name, Query, RRset
    from resolver.policy.list_file import Table
    from resolver.policy.list_rules import Rule

FIREFOX: Final = (names.from_text("use-application-dns.net."),)
ICLOUD: Final = tuple(map(names.from_text, ("mask.icloud.com.", "mask-h2.icloud.com.")))
BY_HAND: Final = ListUse("", "operator")
_ALLOWED_HERE: Final = ListUse("", "policy.allow", is_allow=True)
_ALIASES: Final = frozenset({RRType.CNAME, RRType.DNAME})
_SERVICES: Final = frozenset({RRType.HTTPS, RRType.SVCB})
LEADING: Final = _ALIASES | _SERVICES
"""Types whose data lead to other names."""
_ADDRESSES: Final = frozenset({RRType.A, RRType.AAAA})
_IN: Final = int(RRClass.IN)  # a plain int: an enum's costs a look-up at every use


class Policy(NamedTuple):
    """What the configuration says of lists. *uses* by their `ListUse.ident`."""

    manner: Manner = Manner()
    uses: tuple[ListUse, ...] = ()
    allowed: frozenset[Name] = frozenset()
    canaries: frozenset[Name] = frozenset()


class Pattern(NamedTuple):
    """A regular expression, and a text that every match of it holds."""

    search: Callable[[str], object]
    needed: str
    rule: Rule


class Lists:
    """What is in force. *on_change* is called when answers may be others than before, whichever;
    *on_use* when those of names that `touched_by` tells of may be, and of types in LEADING."""

    COUNTS: ClassVar = {"blocked": "Queries that were blocked by a list, packet cache hits apart."}

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.on_use: Callable[[], None] = lambda: None
        self.blocked = 0
        self.policy = Policy()
        self.table: Table | None = None
        self.patterns: tuple[Pattern, ...] = ()
        self.allowed: frozenset[Name] = frozenset()  # for a while, at and below
        self.by_hand: frozenset[Name] = frozenset()  # blocked for a while, at and below
        self.is_paused = False
        self.generation = 0
        self.has_more = False
        """Is there anything to look at besides the table's names?"""
        self.find: Callable[[Name], list[Found]] = _nothing
        """All that the table says of a name; nothing while lists are paused."""
        self.looked_at: set[int] = set()
        """Types of records that are looked at for what they lead to; the same set for ever."""
        self.has_clients = False
        """May what is told depend on who asks?"""
        self._steps: dict[frozenset[str], ListStep] = {}
        self._leading: set[Name] = set()  # blocked for what they lead to

    def __repr__(self) -> str:
        return f"<Lists {self.table}{', paused' if self.is_paused else ''}>"

    def step(self, tags: frozenset[str] = frozenset()) -> ListStep:
        """The step of clients with these *tags*; the same for the same tags."""
        return self._steps.setdefault(tags, ListStep(self, tags))

    def go_by(self, policy: Policy) -> None:
        """Another configuration, or the same. Who calls sees to packets."""
        if policy != self.policy:
            self.policy = policy
            self._note_change()

    def use(self, table: Table | None, patterns: Sequence[Pattern] = ()) -> None:
        """Other lists, in the place of those before. What `touched_by` tells of is forgotten."""
        self.table, self.patterns = table, tuple(patterns)
        self._note_change()
        self._leading.clear()
        self.on_use()

    def touched_by(
        self, table: Table | None, patterns: Sequence[Pattern] = ()
    ) -> Callable[[Name], bool] | None:
        """Says of a name whether a list in force, or one of these, may have a word on it, and so
        on an answer of no type in LEADING that has no alias. None: on any answer, by the addresses
        in it, or too many were blocked for what they lead to."""
        tables = [one for one in (self.table, table) if one is not None]
        if any(one.has_addresses for one in tables) or len(self._leading) >= LIST_LEADING:
            return None
        expressions = (*self.patterns, *patterns)

        def is_touched(name: Name) -> bool:
            return (
                name in self._leading
                or any(one.find(name) for one in tables)
                or bool(expressions and _matching(expressions, name))
            )

        return is_touched

    def override(self, allowed: Iterable[Name], by_hand: Iterable[Name], *, paused: bool) -> None:
        """What operators want for a while."""
        self.allowed, self.by_hand = frozenset(allowed), frozenset(by_hand)
        self.is_paused = paused
        self.changed()

    def changed(self) -> None:
        """Whatever was answered before may be wrong."""
        self._note_change()
        self.on_change()

    def note_leading(self, name: Name) -> None:
        """*name* is blocked for what it leads to: its reply does not show that."""
        if len(self._leading) < LIST_LEADING:
            self._leading.add(name)

    def _note_change(self) -> None:
        self.generation += 1
        table, is_on = self.table, not self.is_paused
        self.has_more = is_on and bool(self.patterns or self.policy.canaries or self.by_hand)
        self.find = table.find if table is not None and is_on else _nothing
        self.has_clients = table is not None and table.has_clients
        self.looked_at.clear()
        if self.has_more or (table is not None and is_on):
            self.looked_at |= LEADING
        if table is not None and is_on and table.has_addresses:
            self.looked_at |= _ADDRESSES
        if self.has_clients:
            self.looked_at.add(EVERY_ANSWER)

    def uses(self, tags: frozenset[str]) -> dict[int, ListUse]:
        """Lists that are for clients with *tags*, by their numbers in the table."""
        if self.table is None:
            return {}
        wanted = {use.ident: use for use in self.policy.uses if not use.tags or use.tags & tags}
        return {
            number: wanted[info.ident]
            for number, info in enumerate(self.table.info.lists)
            if info.ident in wanted
        }

    def lets_through(self, name: Name) -> bool:
        """Does the configuration, or an operator, let *name* through whatever lists say?"""
        policy = self.policy
        if not policy.allowed and not self.allowed:
            return False
        return any(each in policy.allowed or each in self.allowed for each in names.ancestors(name))


def list_steps(config: Config, tags: frozenset[str], lists: Lists) -> Iterator[ListStep]:
    """The step of clients with *tags*, where there is anything to be looked at for a query."""
    said, entries = config.policy, (*config.block, *config.allow)
    if entries or said.firefox_canary or said.icloud_private_relay_block or lists.by_hand:
        yield lists.step(tags & frozenset(tag for entry in entries for tag in entry.tags))


def patterns_of(table: Table) -> list[Pattern]:
    """The regular expressions of *table*: a hundred microseconds each, so in a thread. Raises
    WireError."""
    try:
        return [
            Pattern(re.compile(rule.pattern, re.IGNORECASE).search, needed(rule.pattern), rule)
            for rule in table.info.patterns
        ]
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise WireError(f"a regular expression is none ({error})") from None


class ListStep(Step):
    """Clients with *tags*: lists that are for all, and those that are for one of these."""

    name = "lists"

    def __init__(self, lists: Lists, tags: frozenset[str]) -> None:
        self._lists = lists
        self.looks_for = lists.looked_at
        self._tags = tags
        self._generation = -1
        self._uses: dict[int, ListUse] = {}

    def __repr__(self) -> str:
        return f"<ListStep {', '.join(sorted(self._tags)) or 'for all'}>"

    def before(self, query: Query) -> Answer | None:
        lists, message = self._lists, query.message
        name = message.qname
        found = lists.find(name)
        if not (found or lists.has_more) or message.qclass != _IN:
            return None
        if name in lists.policy.canaries:
            lists.blocked += 1
            return canary(message.question, lists.policy.manner.ttl)
        asker = Asker(message.qtype, query.source, query.view.name)
        answer = self._answer(query, self._ruling(found, name, asker))
        if answer is not None:
            answer.lasts = answer.onward is None
            if self._is_personal(name):
                answer.lifetime_s = 0.0
        return answer

    def after(self, query: Query, answer: Answer) -> Answer:
        lists, told = self._lists, answer
        looked_at = lists.looked_at
        for rrset in answer.answer:
            if rrset.rtype in looked_at:
                told = self._after(query, answer)
                break
        if not lists.has_clients or not told.lifetime_s:
            return told
        targets = [rdata.lower() for one in answer.answer if one.rtype in _ALIASES
                   for rdata in one.rdatas]  # fmt: skip
        if any(map(self._is_personal, (query.message.qname, *targets))):
            return replace(told, lifetime_s=0.0)
        return told

    def _is_personal(self, name: Name) -> bool:
        """Does what is told of *name* depend on who asks? Then no packet of it is for others."""
        lists, table = self._lists, self._lists.table
        if table is None or not table.has_clients:
            return False
        found = [*table.find(name), *_matching(lists.patterns, name)]
        rules = [one.rule.terms for one in found if one.rule is not None]
        return any(one is not None and (one.clients or one.not_clients) for one in rules)

    def _after(self, query: Query, answer: Answer) -> Answer:
        if query.message.qclass != _IN:
            return answer
        found = self.ruling_behind(answer, query.source, query.view.name)
        return answer if found is None else self._answer_behind(query, found, answer)

    def ruling_behind(self, answer: Answer, source: bytes, view: str) -> Ruling | None:
        """What blocks the names or addresses that *answer* leads to; None: nothing does."""
        looked_at = self._lists.looked_at
        for rrset in answer.answer:
            if rrset.rtype in looked_at:
                found = self._of_rrset(Asker(rrset.rtype, source, view), rrset)
                if found is not None:
                    return found
        return None

    def ruling(self, name: Name, asker: Asker) -> Ruling | None:
        """What counts for *name*; None: nobody says anything of it."""
        table = self._lists.table
        return self._ruling(table.find(name) if table is not None else [], name, asker)

    def _ruling(self, found: list[Found], name: Name, asker: Asker) -> Ruling | None:
        """The same, *found* being what the table has of it."""
        lists = self._lists
        if lists.patterns:
            found += _matching(lists.patterns, name)
        best = ruling(found, name, asker, self._used()) if found else None
        if lists.by_hand and (best is None or best.rank > Rank.IMPORTANT):
            for each in names.ancestors(name):
                if each in lists.by_hand:
                    best = Ruling(Rank.IMPORTANT, BY_HAND, depth=len(name) - len(each))
                    break
        if best is not None and lists.lets_through(name):
            return Ruling(Rank.ALLOWED_HERE, _ALLOWED_HERE)
        return best

    def _used(self) -> dict[int, ListUse]:
        lists = self._lists
        if self._generation != lists.generation:
            self._generation, self._uses = lists.generation, lists.uses(self._tags)
        return self._uses

    def _answer(self, query: Query, found: Ruling | None) -> Answer | None:
        if found is None or found.allows:
            return None
        self._lists.blocked += 1
        return blocked(query, found, self._lists.policy.manner)

    def _answer_behind(self, query: Query, found: Ruling, answer: Answer) -> Answer:
        """A target is blocked: so is the answer, unless the name asked for is let through."""
        message = query.message
        name = message.qname
        own = self.ruling(name, Asker(message.qtype, query.source, query.view.name))
        if (own is not None and own.allows) or self._lists.lets_through(name):
            return answer
        self._lists.note_leading(name)
        return self._answer(query, found) or answer

    def _of_rrset(self, asker: Asker, rrset: RRset) -> Ruling | None:
        """What blocks one of the names or addresses that *rrset*, of *asker*'s type, leads to."""
        if rrset.rtype in _ADDRESSES:
            return self._of_addresses(rrset.rdatas, asker)
        for rdata in rrset.rdatas:
            target, hints = rdata.lower(), list[bytes]()
            if rrset.rtype in _SERVICES:
                end = plain_name_end(rdata, 2, len(rdata))
                target, hints = rdata[2:end].lower(), list(address_hints(rdata[end:]))
            found = self.ruling(target, asker) if target != names.ROOT else None
            if found is not None and not found.allows:
                return found
            if hints and (found := self._of_addresses(hints, asker)) is not None:
                return found
        return None

    def _of_addresses(self, octets: Iterable[bytes], asker: Asker) -> Ruling | None:
        table = self._lists.table
        if table is None:
            return None
        for one in octets:
            rules = table.find_address(one)
            found = ruling(rules, names.ROOT, asker, self._used()) if rules else None
            if found is not None and not found.allows:
                return found
        return None


def _nothing(_: Name) -> list[Found]:
    return []


def _matching(patterns: Iterable[Pattern], name: Name) -> list[Found]:
    text = text_of(name[:-1])
    return [
        Found(len(name), one.rule.number, one.rule.line, one.rule)
        for one in patterns
        if one.needed in text and one.search(text)
    ]
