"""6 is it true: can these trust anchors be used at all?

The anchor closest above a name decides for it, so a name whose anchors are all unusable is a zone
that counts as unsigned: its operator believes it to be validated, and nothing is. RFC 4035 §5.2
lets a resolver treat so what *others* signed with algorithms it does not know, not what it was
told to trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.dnssec.algorithms import supported_algorithms, supported_digests
from resolver.protocol import names, rdata_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.dnssec.algorithms import Sha1Policy
    from resolver.dnssec.anchors import Anchor, Anchors


class Useless(NamedTuple):
    """Why no anchor of a name can be used.

    *is_broken*: they are no keys of anybody, so that nothing there can ever be proven; else the
    zone counts as unsigned.
    """

    sentence: str
    is_broken: bool


def unusable(anchors: Anchors, sha1: Sha1Policy) -> Iterator[Useless]:
    """One for each name none of whose anchors can be used, with the reason of each."""
    for anchor in anchors.by_name.values():
        unknown = list(_unknown_ds(anchor, sha1))
        if len(unknown) < len(anchor.ds):
            continue  # and no key needs to be looked at
        unknown += _unknown_keys(anchor, sha1)
        broken = list(_broken(anchor, sha1)) if anchor.keys else []
        if len(unknown) + len(broken) == len(anchor.ds) + len(anchor.keys):
            whose, why = names.to_text(anchor.name), "; ".join([*unknown, *broken])
            yield Useless(f"{whose} has no anchor that can be used: {why}", bool(broken))


def _unknown_ds(anchor: Anchor, sha1: Sha1Policy) -> Iterator[str]:
    """Digests with an algorithm or of a type that is not supported."""
    algorithms, digests = supported_algorithms(sha1), supported_digests(sha1)
    for ds in map(rdata_fields.ds, anchor.ds):
        if ds.algorithm not in algorithms:
            yield f"DS {ds.key_tag}: algorithm {ds.algorithm} is not supported"
        elif ds.digest_type not in digests:
            yield f"DS {ds.key_tag}: digest type {ds.digest_type} is not supported"


def _unknown_keys(anchor: Anchor, sha1: Sha1Policy) -> Iterator[str]:
    """Keys with an algorithm that is not supported."""
    for rdata in anchor.keys:
        algorithm = rdata_fields.dnskey(rdata).algorithm
        if algorithm not in supported_algorithms(sha1):
            tag = rdata_fields.key_tag(rdata)
            yield f"DNSKEY {tag}: algorithm {algorithm} is not supported"


def _broken(anchor: Anchor, sha1: Sha1Policy) -> Iterator[str]:
    """Keys with an algorithm that is, which can sign nothing all the same."""
    from resolver.dnssec import keys  # noqa: PLC0415  # and `cryptography` with it

    for key in map(keys.zone_key, anchor.keys):
        if key.algorithm not in supported_algorithms(sha1):
            continue
        if key.is_revoked:
            yield f"DNSKEY {key.tag}: it is revoked"
        elif not key.may_sign:
            yield f"DNSKEY {key.tag}: it is no zone key (flags 256 or 257, protocol 3)"
        elif keys.parsed(key.rdata) is None:
            yield f"DNSKEY {key.tag}: it is no key of algorithm {key.algorithm}"
