"""Names that the operator answers: records of the configuration, hosts files, leases; zones' modes.

What has records here is answered from here, and other types of it do not exist (NODATA), unless its
zone's mode says otherwise: they are Unbound's `local-zone` types. The closest zone counts of those
that a client's view may see: one with a tag of its view before one for all. A local CNAME leads on
(`policy.onward`): its target may be public. Never validated, for nobody signs it; with AA.

A wildcard stands for names that have no records and lie below no name that has some (RFC 4592).
Cost for a name that is not local: a dict look-up for each label and source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import LOCAL_TTL_SECONDS
from resolver.model import DROPPED, Answer, Ede, Question, Source, Status
from resolver.policy.local import authority_of, covers, is_apex, reply
from resolver.policy.local_table import Table, rrsets
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRClass, RRType
from resolver.protocol.message import RRset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.model import Name, Query
    from resolver.policy.local_table import Records

_WILD: Final = b"\1*"
_NULLS: Final = {RRType.A: bytes(4), RRType.AAAA: bytes(16)}
_ALWAYS: Final = frozenset(
    {
        "always_transparent", "always_nxdomain", "always_nodata", "always_null", "always_refuse",
        "always_deny",
    }
)  # fmt: skip
_REFUSED: Final = (Ede(EdeCode.PROHIBITED),)
_TOO_LONG: Final = (Ede(EdeCode.OTHER, "the name that it stands for has over 255 octets"),)


class Zone(NamedTuple):
    """A zone of the configuration: *mode* is one of `config.schema_local.Mode`; *tags* empty: it is
    for all."""

    name: Name
    mode: str
    table: Table
    tags: frozenset[str] = frozenset()


class LocalData:
    """What all views have to do with. *own* and *files* hold the names that are in no zone's own
    records; files change, and their tables with them."""

    def __init__(
        self,
        zones: Iterable[Zone] = (),
        own: Iterable[Table] = (),
        files: Iterable[Table] = (),
        *,
        mode: str = "transparent",
        tags: Iterable[str] = (),
    ) -> None:
        self.zones = tuple(zones)
        self._own, self._files = tuple(own), tuple(files)
        self.tables = (*self._own, *self._files)
        self.mode = mode
        self.tags = frozenset(tags)

    def __repr__(self) -> str:
        return f"<LocalData {len(self.zones)} zones, {self.tables!r}>"

    @property
    def files(self) -> tuple[Table, ...]:
        """Those of files, as they were read last."""
        return self._files

    def follow(self, files: Iterable[Table]) -> bool:
        """Have *files* in the place of those before; True if they are others."""
        before, self._files = self._files, tuple(files)
        self.tables = (*self._own, *self._files)
        return self._files != before

    def is_seen_by(self, tags: frozenset[str]) -> bool:
        """Is any of it for a view with *tags*?"""
        return self._names_for(tags) or any(_is_for(zone, tags) for zone in self.zones)

    def _names_for(self, tags: frozenset[str]) -> bool:
        return not self.tags or not self.tags.isdisjoint(tags)

    def seen_by(self, tags: frozenset[str]) -> tuple[dict[Name, Zone], bool]:
        """The zones for a view with *tags*, and whether it sees names outside of zones."""
        found: dict[Name, Zone] = {}
        for zone in self.zones:
            known = found.get(zone.name)
            if _is_for(zone, tags) and (known is None or not known.tags):
                found[zone.name] = zone
        return found, self._names_for(tags)


def _is_for(zone: Zone, tags: frozenset[str]) -> bool:
    return not zone.tags or not zone.tags.isdisjoint(tags)


class LocalRecords(Step):
    """What of *data* is for a view with *tags*."""

    name = "local records"

    def __init__(self, data: LocalData, tags: frozenset[str] = frozenset()) -> None:
        self._data = data
        self._zones, self._sees_names = data.seen_by(tags)
        self._pointers = Table()
        for zone in self._zones.values():
            for owner, records in zone.table.names.items():
                if not names.is_subdomain(owner, zone.name):  # names made for addresses
                    self._pointers.names[owner] = records

    def before(self, query: Query) -> Answer | None:
        if query.message.qclass != RRClass.IN:
            return None
        return self.answer(query.question)

    def answer(self, question: Question) -> Answer | None:
        """The answer to *question*; None: it is nothing local."""
        qname = question.qname
        zone = self._zone_of(qname) if self._zones else None
        mode = self._data.mode if zone is None else zone.mode
        if mode in _ALWAYS:
            return _always(question, mode, zone)
        tables = self._tables(zone)
        found = _at(tables, qname) or _wildcard(tables, qname, zone)
        if not found and mode == "redirect":
            top = zone.name if zone is not None else _closest(tables, qname)
            found = _at(tables, top) if top is not None else ()
        if found:
            return _told(question, found, mode, zone)
        return self._absent(question, mode, zone, tables)

    def _zone_of(self, qname: Name) -> Zone | None:
        """The closest one."""
        zones = self._zones
        for above in names.ancestors(qname):
            if above in zones:
                return zones[above]
        return None

    def _tables(self, zone: Zone | None) -> Sequence[Table]:
        own = self._pointers if zone is None else zone.table
        return (own, *self._data.tables) if self._sees_names else (own,)

    def _absent(
        self, question: Question, mode: str, zone: Zone | None, tables: Sequence[Table]
    ) -> Answer | None:
        """What is said of a name without records."""
        qname = question.qname
        is_above = any(qname in table.empty for table in tables)
        if zone is None:
            if mode in ("static", "redirect") and _closest(tables, qname) is not None:
                return _denied(question, Rcode.NXDOMAIN, zone)
            is_empty = is_above and covers(qname) and not is_apex(qname)
            return _denied(question, Rcode.NOERROR, zone) if is_empty else None
        if mode in ("static", "redirect"):
            exists = is_above or qname == zone.name
            return _denied(question, Rcode.NOERROR if exists else Rcode.NXDOMAIN, zone)
        if mode == "refuse":
            return _refused(question)
        if mode == "deny":
            return DROPPED
        return _blocked_family(question, mode, zone)


# --- finding --------------------------------------------------------------------------------------


def _at(tables: Sequence[Table], owner: Name) -> Records:
    """The records of *owner*, of all *tables*."""
    found: Records = ()
    for table in tables:
        records = table.names.get(owner)
        if records is not None:
            found = records if not found else _both(found, records)
    return found


def _both(some: Records, more: Records) -> Records:
    """Each type once: what has it first has its TTL."""
    merged = {rtype: (ttl, rdatas) for rtype, ttl, rdatas in some}
    for rtype, ttl, rdatas in more:
        before = merged.get(rtype, (ttl, ()))
        merged[rtype] = before[0], tuple(dict.fromkeys((*before[1], *rdatas)))
    return tuple((rtype, *rest) for rtype, rest in merged.items())


def _wildcard(tables: Sequence[Table], qname: Name, zone: Zone | None) -> Records:
    """The records of the wildcard that stands for *qname*, if there is one."""
    if not any(table.has_wildcards for table in tables):
        return ()
    if any(qname in table.empty for table in tables):
        return ()
    above = qname
    while above != names.ROOT and (zone is None or above != zone.name):
        above = names.parent(above)
        found = _at(tables, _WILD + above)
        if found or any(above in table.names or above in table.empty for table in tables):
            return found
    return ()


def _closest(tables: Sequence[Table], qname: Name) -> Name | None:
    """The closest name above *qname* that has records."""
    while qname != names.ROOT:
        qname = names.parent(qname)
        if any(qname in table.names for table in tables):
            return qname
    return None


# --- telling --------------------------------------------------------------------------------------


def _told(question: Question, found: Records, mode: str, zone: Zone | None) -> Answer | None:
    """The answer from the records of a name."""
    qname, qtype = question.qname, question.qtype
    sets = rrsets(qname, found, qtype)
    if sets:
        return reply(question, answer=sets)
    alias = next((one for one in found if one[0] == RRType.CNAME), None)
    if alias is not None:
        return _alias(question, alias[1], alias[2][0])
    if mode == "typetransparent":
        return None
    if mode in ("block_a", "block_aaaa"):
        return _blocked_family(question, mode, zone)
    return _denied(question, Rcode.NOERROR, zone)


def _alias(question: Question, ttl: int, target: Name) -> Answer:
    """A CNAME that leads on. To `*.x.` it leads to the name asked for, below x (as RPZ's do)."""
    if names.is_wildcard(target):
        try:
            target = names.from_labels((*names.labels(question.qname), *names.labels(target)[1:]))
        except ValueError:
            return replace(reply(question, Rcode.YXDOMAIN), ede=_TOO_LONG)
    alias = RRset(question.qname, RRType.CNAME, ttl, (target,))
    onward = Question(target, question.qtype, question.qclass)
    return Answer(
        question,
        Rcode.NOERROR,
        answer=(alias,),
        status=Status.INSECURE,
        is_authoritative=True,
        onward=onward,
    )


def _always(question: Question, mode: str, zone: Zone | None) -> Answer | None:
    """The modes that look at no record."""
    if mode == "always_transparent":
        return None
    if mode == "always_refuse":
        return _refused(question)
    if mode == "always_deny":
        return DROPPED
    if mode == "always_null" and question.qtype in _NULLS:
        rdata = _NULLS[question.qtype]
        null = RRset(question.qname, question.qtype, LOCAL_TTL_SECONDS, (rdata,))
        return reply(question, answer=(null,))
    is_denied = mode == "always_nxdomain"
    return _denied(question, Rcode.NXDOMAIN if is_denied else Rcode.NOERROR, zone)


def _blocked_family(question: Question, mode: str, zone: Zone | None) -> Answer | None:
    """NODATA for addresses of the family that a zone keeps back; all else is resolved."""
    blocked = {"block_a": RRType.A, "block_aaaa": RRType.AAAA}.get(mode)
    return _denied(question, Rcode.NOERROR, zone) if question.qtype == blocked else None


def _denied(question: Question, rcode: int, zone: Zone | None) -> Answer:
    """NODATA or NXDOMAIN, with what says for how long."""
    top = question.qname if zone is None else zone.name
    soa = () if zone is None else rrsets(top, zone.table.names.get(top, ()), RRType.SOA)
    return reply(question, rcode, authority=soa or (authority_of(top, LOCAL_TTL_SECONDS),))


def _refused(question: Question) -> Answer:
    return Answer(question, Rcode.REFUSED, ede=_REFUSED, sources=(Source.REFUSED,))
