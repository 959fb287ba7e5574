"""The chains that prove absence: NSEC (RFC 4034 §4) and NSEC3 with opt-out (RFC 5155 §7.1)."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from bench.common.signing import name_wire
from bench.realworld.zones import TYPES, ancestors, canonical_key

if TYPE_CHECKING:
    from bench.realworld.zones import Zone

NEGATIVE_TTL = 3600


def add_nsec(zone: Zone, types: dict[str, list[str]]) -> None:
    """One record per owner of *types*, each naming the next."""
    order = sorted(types, key=canonical_key)
    for owner, following in zip(order, [*order[1:], zone.apex], strict=True):
        listed = _listed([*types[owner], "RRSIG", "NSEC"])
        zone.add(owner, "NSEC", f"{following} {listed}", NEGATIVE_TTL)


def add_nsec3(zone: Zone, types: dict[str, list[str]], cuts: set[str]) -> None:
    """One hashed record per owner and empty non-terminal; opt-out leaves unsigned cuts out.

    No salt and no iterations (RFC 9276 §3.1).
    """
    zone.add(zone.apex, "NSEC3PARAM", "1 0 0 -", 0)
    types[zone.apex].append("NSEC3PARAM")
    kept = {
        o: kinds
        for o, kinds in types.items()
        if not zone.opts_out or o not in cuts or "DS" in kinds
    }
    for owner in list(kept):
        for between in ancestors(owner)[1:]:
            if between == zone.apex or len(between) <= len(zone.apex):
                break
            kept.setdefault(between, [])
    hashed = sorted((nsec3_hash(owner), owner) for owner in kept)
    following = [digest for digest, _ in hashed[1:]] + [hashed[0][0]]
    below = "" if zone.apex == "." else zone.apex
    for (digest, owner), after in zip(hashed, following, strict=True):
        is_signed = kept[owner] and (owner not in cuts or "DS" in kept[owner])
        listed = _listed([*kept[owner], "RRSIG"] if is_signed else kept[owner])
        text = f"1 {int(zone.opts_out)} 0 - {after} {listed}".rstrip()
        zone.add(f"{digest}.{below}", "NSEC3", text, NEGATIVE_TTL)


def nsec3_hash(name: str) -> str:
    """RFC 5155 §5, in the spelling of owner names."""
    digest = hashlib.sha1(name_wire(name)).digest()  # noqa: S324  the only hash there is
    return base64.b32hexencode(digest).decode().lower()


def _listed(types: list[str]) -> str:
    return " ".join(sorted(types, key=TYPES.__getitem__))
