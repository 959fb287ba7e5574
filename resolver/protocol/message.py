"""What a DNS message is once its octets are trusted: header, question, three sections, EDNS.

Made by `wire.parse_untrusted`, read by everybody. Records keep rdata as octets with names
decompressed; the readers of `rdata` cannot fail on them. RFC 1035 §4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.protocol.names import ROOT, Name, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.protocol.edns import Edns

__all__ = ["Head", "Message", "Name", "Question", "RRset", "Record", "distinct", "flatten", "group"]

_RRSIG: Final = 46
_new = tuple.__new__  # for what is made for each message: half the constructor's cost


class Question(NamedTuple):
    qname: Name
    qtype: int
    qclass: int = 1


class RRset(NamedTuple):
    """Records of one owner and type; *signatures* are the rdata of the RRSIGs that cover it."""

    owner: Name
    rtype: int
    ttl: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...] = ()


class Record(NamedTuple):
    """One resource record. *owner* is lower-cased; *ttl* is the raw unsigned 32 bits.

    A TTL with its top bit set means a large positive number (RFC 8767 §4); caches cap it.
    """

    owner: Name
    rtype: int
    rclass: int
    ttl: int
    rdata: bytes


class Head(NamedTuple):
    """Header and question alone. With no question: root, type 0, class 0."""

    id: int
    flags: int
    question_count: int
    answer_count: int
    authority_count: int
    additional_count: int
    qname: Name
    qname_raw: bytes
    qtype: int
    qclass: int

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF

    @property
    def is_response(self) -> bool:
        return self.flags & 0x8000 != 0

    @property
    def tc(self) -> bool:
        return self.flags & 0x0200 != 0


class Message:
    """One parsed message; OPT is taken out of *additional* into *edns*.

    *question_count* is the header's (RFC 9619 forbids more than one; the pipeline says so); the
    question fields are the first question's, or root, type 0 and class 0 if there is none.
    *unread*, if there is any, reads what stands `beside` the answer, once somebody looks at it.
    """

    __slots__ = (
        "answer",
        "beside",
        "edns",
        "flags",
        "id",
        "qclass",
        "qname",
        "qname_raw",
        "qtype",
        "question_count",
        "unread",
    )

    def __init__(self, identifier: int, flags: int, question_count: int) -> None:
        self.id = identifier
        self.flags = flags
        self.question_count = question_count
        self.qname: Name = ROOT
        self.qname_raw: bytes = ROOT
        self.qtype = 0
        self.qclass = 0
        self.answer: list[Record] = []
        self.beside: tuple[list[Record], list[Record]] = [], []
        self.unread: Callable[[Message], None] | None = None
        self.edns: Edns | None = None

    @classmethod
    def asking(cls, question: Question, flags: int) -> Message:
        """A query of our own."""
        message = cls(0, flags, 1)
        message.qname, message.qtype, message.qclass = question
        message.qname_raw = question.qname
        return message

    def __repr__(self) -> str:
        counts = f"{len(self.answer)}/{len(self.authority)}/{len(self.additional)}"
        return (
            f"<Message {self.id} flags={self.flags:04x} {to_text(self.qname)} "
            f"type={self.qtype} class={self.qclass} rcode={self.rcode} records={counts}>"
        )

    @property
    def authority(self) -> list[Record]:
        return self._read()[0]

    @property
    def additional(self) -> list[Record]:
        return self._read()[1]

    def _read(self) -> tuple[list[Record], list[Record]]:
        read, self.unread = self.unread, None
        if read is not None:
            read(self)
        return self.beside

    @property
    def question(self) -> Question:
        return _new(Question, (self.qname, self.qtype, self.qclass))

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF

    @property
    def rcode(self) -> int:
        """All twelve bits where there is an OPT record (RFC 6891 §6.1.3)."""
        if self.edns is None:
            return self.flags & 0xF
        return self.edns.extended_rcode << 4 | self.flags & 0xF

    @property
    def is_response(self) -> bool:
        return self.flags & 0x8000 != 0

    @property
    def aa(self) -> bool:
        return self.flags & 0x0400 != 0

    @property
    def tc(self) -> bool:
        return self.flags & 0x0200 != 0

    @property
    def rd(self) -> bool:
        return self.flags & 0x0100 != 0

    @property
    def ra(self) -> bool:
        return self.flags & 0x0080 != 0

    @property
    def ad(self) -> bool:
        return self.flags & 0x0020 != 0

    @property
    def cd(self) -> bool:
        return self.flags & 0x0010 != 0

    @property
    def do(self) -> bool:
        return self.edns is not None and self.edns.do


def group(records: Iterable[Record]) -> list[RRset]:
    """The records of one section as RRsets, in the order in which each set first appears.

    The lowest TTL of a set is the set's (RFC 2181 §5.2); equal rdata counts once (§5). RRSIGs go
    with the set they cover, whichever came first; those that cover none make a set of type RRSIG.
    Classes are not told apart: the caller has dropped all but one. O(records).
    """
    sets: dict[tuple[Name, int], list[bytes]] = {}
    ttls: dict[tuple[Name, int], int] = {}
    signatures: dict[tuple[Name, int], list[bytes]] = {}
    signature_ttls: dict[tuple[Name, int], int] = {}
    for owner, rtype, _, ttl, rdata in records:
        if rtype == _RRSIG and rdata:  # it is empty in an UPDATE (RFC 2136 §2.5)
            key = (owner, rdata[0] << 8 | rdata[1])
            kept, lowest = signatures, signature_ttls
        else:
            key = (owner, rtype)
            kept, lowest = sets, ttls
        rdatas = kept.get(key)
        if rdatas is None:
            kept[key] = [rdata]
            lowest[key] = ttl
        else:
            rdatas.append(rdata)
            lowest[key] = min(lowest[key], ttl)
    if not signatures:
        return [RRset(k[0], k[1], ttls[k], distinct(rdatas)) for k, rdatas in sets.items()]
    return _with_signatures(sets, ttls, signatures, signature_ttls)


def distinct(rdatas: list[bytes]) -> tuple[bytes, ...]:
    """Each rdata once, in the order in which they came."""
    return tuple(rdatas) if len(rdatas) < 2 else tuple(dict.fromkeys(rdatas))


def _with_signatures(
    sets: dict[tuple[Name, int], list[bytes]],
    ttls: dict[tuple[Name, int], int],
    signatures: dict[tuple[Name, int], list[bytes]],
    signature_ttls: dict[tuple[Name, int], int],
) -> list[RRset]:
    grouped = []
    for key, rdatas in sets.items():
        covering = signatures.pop(key, None)
        if covering is None:
            grouped.append(RRset(key[0], key[1], ttls[key], distinct(rdatas)))
        else:
            ttl = min(ttls[key], signature_ttls[key])
            grouped.append(RRset(key[0], key[1], ttl, distinct(rdatas), distinct(covering)))
    orphans: dict[Name, list[bytes]] = {}
    orphan_ttls: dict[Name, int] = {}
    for key, covering in signatures.items():
        orphans.setdefault(key[0], []).extend(covering)
        ttl = signature_ttls[key]
        orphan_ttls[key[0]] = min(ttl, orphan_ttls.get(key[0], ttl))
    for owner, rdatas in orphans.items():
        grouped.append(RRset(owner, _RRSIG, orphan_ttls[owner], distinct(rdatas)))
    return grouped


def flatten(rrsets: Iterable[RRset], *, rclass: int = 1, dnssec: bool = False) -> list[Record]:
    """The inverse of `group`: records in order, each set's RRSIGs behind it if *dnssec*."""
    records = []
    for owner, rtype, ttl, rdatas, signatures in rrsets:
        for rdata in rdatas:
            records.append(Record(owner, rtype, rclass, ttl, rdata))  # noqa: PERF401 - half the cost of extend
        if dnssec:
            for rdata in signatures:
                records.append(Record(owner, _RRSIG, rclass, ttl, rdata))  # noqa: PERF401
    return records
