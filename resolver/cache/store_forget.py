"""Forgetting on disk, when an operator says so (flush): names, all denials, or single records.

What is below one domain of two labels lies together, so that only its records are looked through;
for a name higher up, all are. Proven gaps go with all of the zones that may deny such a name. A
slice at a time, from a thread: who calls lets others write between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.cache import record
from resolver.cache.gaps import Proven
from resolver.cache.negative import Denied
from resolver.cache.record import Kind
from resolver.cache.rrset import Entry
from resolver.cache.store import TOGETHER, base_of, number_of
from resolver.errors import WireError
from resolver.limits import STORE_BATCH
from resolver.model import Delegation
from resolver.protocol import names, rdata_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.cache.store import Store
    from resolver.model import Name, RRset

TABLES: Final = ("record", "resident")
_FIRST: Final = -(1 << 63)


_DENYING: Final = (Kind.NEGATIVE, Kind.DENIAL)


@dataclass(frozen=True, slots=True)
class Meant:
    """*name* alone, or with all *below* it; of them *only_denials*."""

    name: Name
    below: bool
    only_denials: bool = False

    def __call__(self, name: bytes) -> bool:
        if name == self.name:
            return True
        return self.below and name.endswith(self.name) and names.is_subdomain(name, self.name)

    def is_of(self, kind: int) -> bool:
        """Are records of that kind meant at all?"""
        return kind != Kind.NOTE and (not self.only_denials or kind in _DENYING)

    def may_deny(self, apex: Name) -> bool:
        """Might gaps of the zone *apex* deny one of the names?"""
        return self(apex) or names.is_subdomain(self.name, apex)

    def first(self, table: str) -> int:
        """The number behind which such names begin in *table*."""
        if table != "record" or self._is_high:
            return _FIRST
        number = base_of(self.name)
        return max((number // TOGETHER) * TOGETHER - 1, _FIRST)

    def last(self, table: str) -> int:
        """The last number that one of them may have."""
        if table != "record" or self._is_high:
            return -_FIRST - 1
        return self.first(table) + TOGETHER

    @property
    def _is_high(self) -> bool:
        return names.count(self.name) < 2  # noqa: PLR2004


class Forgotten(NamedTuple):
    """How far a slice came, None: to the end; and how many records went."""

    at: int | None
    gone: int


def forget_some(store: Store, meant: Meant, table: str, after: int) -> Forgotten:
    """Delete some of what is *meant* behind number *after*. Raises StoreFailed."""
    file = store.file
    if file is None:
        return Forgotten(None, 0)
    rows = file.slice(after, STORE_BATCH, table=table, values=True)
    gone = [(table, row.number) for row in rows if _is_meant(store, row.value, meant)]
    if gone:
        file.write(gone=gone)
    is_last = len(rows) < STORE_BATCH or rows[-1].number >= meant.last(table)
    return Forgotten(None if is_last else rows[-1].number, len(gone))


def forget_places(store: Store, places: Iterable[tuple[Name, int]]) -> int:
    """Delete what lies there of these names and types; how many that were. Raises StoreFailed."""
    file = store.file
    numbers = [number_of(name, rtype) for name, rtype in places]
    there = list(file.olds(numbers)) if file is not None else []
    if file is not None and there:
        file.write(gone=(("record", number) for number in there))
    return len(there)


def _is_meant(store: Store, octets: bytes, meant: Meant) -> bool:
    kind, name = record.place_untrusted(octets)
    if not meant.is_of(kind):
        return False
    if meant(name) or kind != Kind.DENIAL:
        return meant(name)
    sealed = store.open_untrusted(octets)
    if sealed is None:
        return True  # damaged: it is of no use to anybody
    try:
        return _denies(record.denial_untrusted(sealed.body, 0), meant)
    except (WireError, IndexError):
        return True


def _denies(rrset: RRset, meant: Meant) -> bool:
    return meant.may_deny(rdata_fields.rrsig(rrset.signatures[0]).signer)


def without(learnt: Iterable[object], meant: Meant) -> Iterator[object]:
    """Of what was *learnt* and is to be written, what is not *meant*."""
    for what in learnt:
        if isinstance(what, Proven):
            is_meant = meant(what.rrset.owner) or _denies(what.rrset, meant)
        else:
            is_meant = meant(_name_of(what)) and meant.is_of(_kind_of(what))
        if not is_meant:
            yield what


def _kind_of(what: object) -> Kind:
    return Kind.NEGATIVE if isinstance(what, Denied) else Kind.RRSET


def _name_of(what: object) -> bytes:
    if isinstance(what, Entry):
        return what.owner
    if isinstance(what, Denied):
        return what.name
    return what.zone if isinstance(what, Delegation) else b""
