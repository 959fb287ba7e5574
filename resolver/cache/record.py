"""One thing that was learnt ⇄ the octets that outlive the process.

A record is sealed: a keyed checksum over everything, a version, what kind it is, when it was kept
and for how long it counted then, and two digests of what it rests on (`basis`). Its body is one of:
an RRset with status and proof, a denial, a delegation, proven denial records, servers' round-trip
times, or octets that are somebody else's. Bogus data has no form here, nor have failures.

Who reads trusts nothing: `open_untrusted` and the `…_untrusted` of each kind raise WireError only,
whatever the octets. Pure; what has become of a record's time since is `ageing`'s to say.
"""

from __future__ import annotations

import enum
import sys
from hashlib import blake2b
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.cache.fields import (
    NO_RDATA,
    FieldsUntrusted,
    list_octets,
    name_octets,
    name_untrusted,
    rdatas_untrusted,
    rrset_octets,
)
from resolver.cache.negative import ANY_TYPE, Denied, Negative
from resolver.cache.rrset import Entry
from resolver.delegation import Delegation, Server
from resolver.errors import Ede, WireError
from resolver.model import Rank, Status
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import address_octets, octets_text
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Name, RRset

VERSION: Final = 1
DIGEST_OCTETS: Final = 8  # of a basis
MAC_OCTETS: Final = 8
_HEAD: Final = Struct("!8sBBBIddf8s8s")
BODY_AT: Final = _HEAD.size
_RRSET: Final = Struct("!HBBB")
_NEGATIVE: Final = Struct("!HHBBIBB")
_EDE: Final = Struct("!HB")
_FLAGS: Final = Struct("!BH")
_COUNT: Final = Struct("!B")
_STATUSES: Final = (Status.UNCHECKED, Status.INDETERMINATE, Status.INSECURE, Status.SECURE)
_RANKS: Final = tuple(Rank)
_NUMBERS: Final = {status: number for number, status in enumerate(_STATUSES)}
_NO_TIME: Final = float("inf")
_MOST_EDES: Final = 255
_PORT: Final = 53
_ANY: Final = 0xFFFF  # in the place of ANY_TYPE; no record has that type


class Kind(enum.IntEnum):
    """What a record's body is."""

    RRSET = 1
    NEGATIVE = 2
    DELEGATION = 3
    DENIAL = 4
    NOTE = 5


class Stamp(NamedTuple):
    """When something was kept, by both clocks, and how many seconds it counted from then on.

    *boot*: which run of which machine *now* is of; 0: unknown.
    """

    boot: int
    wall: float
    now: float
    left_s: float


class Sealed(NamedTuple):
    """A record whose checksum is right. *standing*: see `standing`."""

    kind: int
    standing: int
    stamp: Stamp
    way: bytes
    trust: bytes
    body: bytes


def standing(rank: Rank, status: Status) -> int:
    """How much something is worth beside another of its kind: rank first, then status."""
    return rank << 2 | _NUMBERS[status]


def is_proven(standing: int) -> bool:
    """True if a status was established: secure, or that it cannot be."""
    return _STATUSES[standing & 3] in (Status.SECURE, Status.INSECURE)


def seal(record: Sealed, key: bytes) -> bytes:
    """The octets of *record*."""
    kind, worth, stamp, way, trust, body = record
    data = _HEAD.pack(b"", VERSION, kind, worth, *stamp, way, trust)[MAC_OCTETS:] + body
    return blake2b(data, digest_size=MAC_OCTETS, key=key).digest() + data


def place_untrusted(octets: bytes) -> tuple[int, bytes]:
    """Kind and name of a record, its checksum unseen; 0 and b"" of what is none."""
    start = BODY_AT
    if len(octets) <= start:
        return 0, b""
    return octets[MAC_OCTETS + 1], octets[start + 1 : start + 1 + octets[start]]


def fields_untrusted(
    octets: bytes, key: bytes
) -> tuple[bytes, int, int, int, int, float, float, float, bytes, bytes]:
    """Checksum, version, and the fields of `Sealed` and its `Stamp` in their order, of what was
    sealed with *key*; its body lies behind BODY_AT. Raises WireError only."""
    if len(octets) < BODY_AT:
        raise WireError("a record ends too soon")
    fields = _HEAD.unpack_from(octets)
    mac, version, _, _, _, wall, now, left_s, _, _ = fields
    if blake2b(octets[MAC_OCTETS:], digest_size=MAC_OCTETS, key=key).digest() != mac:
        raise WireError("a record's checksum is wrong")
    if version != VERSION:
        raise WireError(f"a record is of version {version}, not {VERSION}")
    if not (
        0.0 <= left_s < _NO_TIME and -_NO_TIME < wall < _NO_TIME and -_NO_TIME < now < _NO_TIME
    ):
        raise WireError("a record's times are none")
    return fields


def open_untrusted(octets: bytes, key: bytes) -> Sealed:
    """What was sealed with *key*. Raises WireError only."""
    _, _, kind, worth, boot, wall, now, left_s, way, trust = fields_untrusted(octets, key)
    return Sealed(kind, worth, Stamp(boot, wall, now, left_s), way, trust, octets[BODY_AT:])


def opened_untrusted(
    octets: object, key: bytes, note_damage: Callable[[object], None], most: int = sys.maxsize
) -> Sealed | None:
    """The same of what may be anything; None, and *note_damage* is told why, if it is not octets,
    *most* of them, that were sealed with *key*."""
    if not isinstance(octets, bytes) or len(octets) > most:
        note_damage("a record is no octets, or too many")
        return None
    try:
        return open_untrusted(octets, key)
    except WireError as error:
        note_damage(error)
        return None


def _status(number: int) -> Status:
    if number >= len(_STATUSES):
        raise WireError("a record has a status that is none")
    return _STATUSES[number]


# --- RRsets ----------------------------------------------------------------------------------


def rrset_body(entry: Entry) -> bytes:
    """*entry* but for its time."""
    fixed = _RRSET.pack(entry.rtype, entry.rank, _NUMBERS[entry.status], len(entry.proof))
    return b"".join(
        (
            name_octets(entry.owner), fixed, name_octets(entry.zone),
            list_octets(entry.rdatas), list_octets(entry.signatures),
            *map(rrset_octets, entry.proof),
        )
    )  # fmt: skip


def rrset_untrusted(
    body: bytes, expires_at: float, *, start: int = 0, owner: Name | None = None, ttl: int = 0
) -> Entry:
    """The inverse of `rrset_body`, of what lies behind *start*. Raises WireError only.

    *owner*: whose it probably is; a name that is known need not be read.
    """
    if owner is not None and body.startswith(owner, start + 1) and body[start] == len(owner):
        at = start + 1 + len(owner)
    else:
        owner, at = name_untrusted(body, start)
    try:
        rtype, rank, status, proofs = _RRSET.unpack_from(body, at)
    except struct_error:
        raise WireError("a record ends too soon") from None
    if rank >= len(_RANKS) or status >= len(_STATUSES):
        raise WireError("a record has a rank or a status that is none")
    zone, at = name_untrusted(body, at + _RRSET.size)
    rdatas, at = rdatas_untrusted(body, at, rtype)
    signatures: tuple[bytes, ...] = ()
    if body[at : at + 2] == NO_RDATA:
        at += 2
    else:
        signatures, at = rdatas_untrusted(body, at, RRType.RRSIG)
    proof: tuple[RRset, ...] = ()
    if proofs or at != len(body):
        fields = FieldsUntrusted(body, at)
        proof = tuple([fields.rrset() for _ in range(proofs)])
        fields.end()
    if not rdatas:
        raise WireError("a record has an RRset of nothing")
    return Entry(
        owner, rtype, rdatas, signatures, _RANKS[rank], _STATUSES[status], expires_at, zone, proof,
        ttl,
    )  # fmt: skip


# --- denials ---------------------------------------------------------------------------------


def negative_body(denied: Denied) -> bytes:
    """*denied* but for its time."""
    name, rtype, negative = denied
    fixed = _NEGATIVE.pack(
        rtype & _ANY, negative.rcode, _NUMBERS[negative.status], negative.is_proof_only,
        negative.ttl, len(negative.authority), min(len(negative.ede), _MOST_EDES),
    )  # fmt: skip
    parts = [name_octets(name), fixed, name_octets(negative.zone)]
    parts += map(rrset_octets, negative.authority)
    for code, text in negative.ede[:_MOST_EDES]:
        said = text.encode()[:255]
        parts += (_EDE.pack(code, len(said)), said)
    return b"".join(parts)


def negative_untrusted(body: bytes, expires_at: float) -> Denied:
    """The inverse of `negative_body`. Raises WireError only."""
    fields = FieldsUntrusted(body)
    name = fields.name()
    rtype, rcode, status, is_proof_only, ttl, rrsets, edes = fields.unpack(_NEGATIVE)
    zone = fields.name()
    authority = tuple([fields.rrset() for _ in range(rrsets)])
    ede = tuple([_ede(fields) for _ in range(edes)])
    fields.end()
    negative = Negative(
        rcode,
        authority,
        zone=zone,
        status=_status(status),
        ttl=ttl,
        expires_at=expires_at,
        ede=ede,
        is_proof_only=bool(is_proof_only),
    )
    return Denied(name, ANY_TYPE if rtype == _ANY else rtype, negative)


def _ede(fields: FieldsUntrusted) -> Ede:
    code, size = fields.unpack(_EDE)
    return Ede(code, fields.octets(size).decode(errors="ignore"))


# --- delegations -----------------------------------------------------------------------------


def is_plain(delegation: Delegation) -> bool:
    """True if a referral gave it, with plain DNS: others are configuration's, or nobody's."""
    servers = (one for found in delegation.glue.values() for one in found)
    return not delegation.is_forward and all(
        one.transport is Transport.UDP and one.port == _PORT for one in servers
    )


def delegation_body(delegation: Delegation) -> bytes:
    """*delegation*, which `is_plain`, but for its time and for what was looked up since."""
    glue = delegation.glue
    parts = [
        name_octets(delegation.zone),
        _FLAGS.pack(delegation.is_signed, len(delegation.nameservers)),
    ]
    for name in delegation.nameservers:
        hosts = [address_octets(one.host) for one in glue.get(name, ())]
        parts += (name_octets(name), list_octets(hosts))
    return b"".join(parts)


def delegation_untrusted(body: bytes, expires_at: float, way: Name | None) -> Delegation:
    """The inverse of `delegation_body`. Raises WireError only."""
    fields = FieldsUntrusted(body)
    zone = fields.name()
    is_signed, count = fields.unpack(_FLAGS)
    glue: dict[Name, tuple[Server, ...]] = {}
    nameservers = []
    for _ in range(count):
        name = fields.name()
        nameservers.append(name)
        hosts = fields.strings()
        if hosts:
            glue[name] = tuple([Server(_host(host), _PORT, name) for host in hosts])
    fields.end()
    if not nameservers or len(set(nameservers)) != count:
        raise WireError("a record has a delegation to nobody")
    return Delegation(
        zone, tuple(nameservers), glue, expires_at=expires_at, is_signed=bool(is_signed), way=way
    )


def _host(octets: bytes) -> str:
    text = octets_text(octets)
    if text is None:
        raise WireError("a record has an address that is none")
    return text


# --- what denials are made of, and what is others' ----------------------------------------------


def denial_body(rrset: RRset) -> bytes:
    """A record that was proven, of which denials are made (`cache.denial`)."""
    return rrset_octets(rrset)


def denial_untrusted(body: bytes, ttl: int) -> RRset:
    """The inverse of `denial_body`, with the *ttl* that is left. Raises WireError only."""
    fields = FieldsUntrusted(body)
    rrset = fields.rrset()
    fields.end()
    return rrset._replace(ttl=ttl)


def note_body(name: str, octets: bytes) -> bytes:
    """*octets* of somebody else's, kept under *name*."""
    return name_octets(name.encode()) + octets


def note_untrusted(body: bytes, name: str) -> bytes:
    """What was kept under *name*. Raises WireError only."""
    start = name_octets(name.encode())
    if not body.startswith(start):
        raise WireError("a record is another one's")
    return body[len(start) :]
