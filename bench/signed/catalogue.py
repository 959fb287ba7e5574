"""Which zones there are: every algorithm, denial, rollover stage, island and fault.

Each entry is an apex with its recipe (None: unsigned) and the server that has it. What delegates
where follows from the names. The faults are named after what is wrong with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import dns.name
import dns.rdatatype

from bench.signed.keys import ALGORITHMS, KSK, REVOKED_KSK, ZSK, Key, unknown_ds
from bench.signed.zone import DAY, DNSKEY_TYPE, NOW, NSEC, NSEC3, Hashed, Recipe, usual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dns.rdtypes.ANY.DS import DS

    from bench.signed.zone import Zone

TOP, TLD, PLAIN, STRICT, LENIENT = "top", "tld", "nsd", "bind", "knot"
PARENTS = {"nsec": None, "hash": Hashed(), "opt": Hashed(5, "abcd", opt_out=True)}
EXPIRED = (NOW - 30 * DAY, NOW - 5 * DAY)
EARLY = (NOW + 5 * DAY, NOW + 30 * DAY)
BACKWARDS = (NOW + 5 * DAY, NOW - 5 * DAY)
HOUR = 3600
WAIVED = "waived."
NEGATIVE_ANCHOR = f"{WAIVED}nsec."


class Entry(NamedTuple):
    """One zone of the world. *anchored*: the resolvers have an anchor for it of its own.

    *more*: further records in it, "owner type rdata".
    """

    apex: str
    recipe: Recipe | None
    site: str
    anchored: bool = False
    more: tuple[str, ...] = ()


def entries() -> list[Entry]:
    """All zones, parents before children."""
    return [
        *_tops(),
        *_algorithms(),
        *_hashes(),
        *_rollovers(),
        *_delegations(),
        *_islands(),
        *_waived(),
        *_faults(),
    ]


def _tops() -> Iterator[Entry]:
    yield Entry(".", usual(8), TOP)
    for label, hashed in PARENTS.items():
        yield Entry(f"{label}.", usual(13, hashed=hashed), TLD)
    yield Entry("rsa.", usual(8, hashed=Hashed(1, "aabbccdd")), TLD)
    yield Entry("plain.", None, TLD)


def _algorithms() -> Iterator[Entry]:
    """Each algorithm below each kind of parent, its own denial of the same kind."""
    sites = (PLAIN, LENIENT, STRICT)
    for number, algorithm in enumerate(ALGORITHMS):
        for turn, (parent, hashed) in enumerate(PARENTS.items()):
            if algorithm == 5 and hashed is not None:
                continue  # RFC 5155 §2: algorithm 5 says that the zone has NSEC
            apex = f"a{algorithm}.{parent}."
            yield Entry(apex, usual(algorithm, hashed=hashed), sites[(number + turn) % 3])
        yield from _children(f"a{algorithm}.nsec.", algorithm, LENIENT)
    for parent in ("hash", "opt"):
        yield from _children(f"a13.{parent}.", 13, PLAIN)
    yield Entry("unsigned.plain.", None, PLAIN)
    yield Entry("child.unsigned.plain.", None, LENIENT)


def _children(apex: str, algorithm: int, site: str) -> Iterator[Entry]:
    """A signed child on its parent's server and an unsigned one elsewhere, and a grandchild."""
    hashed = Hashed() if algorithm != 5 else None
    yield Entry(f"sec.{apex}", usual(algorithm, hashed=hashed), site)
    yield Entry(f"insec.{apex}", None, PLAIN)
    yield Entry(f"below.insec.{apex}", None, site)


def _hashes() -> Iterator[Entry]:
    for iterations in (1, 10, 50, 100, 150, 151, 500, 2500):
        yield Entry(f"it{iterations}.hash.", usual(13, hashed=Hashed(iterations, "beef")), LENIENT)
    for octets in (1, 8, 64, 255):
        yield Entry(f"salt{octets}.opt.", usual(13, hashed=Hashed(2, "5a" * octets)), PLAIN)
    for iterations in (150, 151):
        hashed = Hashed(iterations, "-", opt_out=True)
        yield Entry(f"opt{iterations}.hash.", usual(13, hashed=hashed), PLAIN)
        yield Entry(f"insec.opt{iterations}.hash.", None, PLAIN)
        yield Entry(f"sec.opt{iterations}.hash.", usual(), PLAIN)


def _rollovers() -> Iterator[Entry]:
    """The stages of RFC 6781 §4.1, RFC 7583 and RFC 5011."""
    ksk, zsk, fresh = Key(13, 1), Key(13, 2, ZSK), Key(13, 3, ZSK)
    new, rsa = Key(13, 4), Key(8, 5)
    only = (ksk,)
    stages: dict[str, Recipe] = {
        "split": Recipe((ksk, zsk), signing=(zsk,), ksks=only),
        "prepub1": Recipe((ksk, zsk, fresh), signing=(zsk,), ksks=only),
        "prepub2": Recipe((ksk, zsk, fresh), signing=(fresh,), ksks=only),
        "doublesig": Recipe((ksk, zsk, fresh), signing=(zsk, fresh), ksks=only),
        "doubleksk": Recipe((ksk, new, zsk), signing=(zsk,), ksks=(ksk, new), ds=_ds_of(ksk)),
        "newksk": Recipe((ksk, new, zsk), signing=(zsk,), ksks=(ksk, new), ds=_ds_of(new)),
        "doubleds": Recipe((ksk, zsk), signing=(zsk,), ds=_ds_of(ksk, new), ksks=only),
        "rrsigfirst": Recipe((ksk,), signing=(ksk, rsa), ksks=(ksk,), ds=_ds_of(ksk)),
        "bothalgs": Recipe((ksk, rsa), ds=_ds_of(ksk)),
        "bothds": Recipe((ksk, rsa), ds=_ds_of(ksk, rsa)),
        "newalgds": Recipe((ksk, rsa), ds=_ds_of(rsa)),
        "liberal": Recipe((ksk, rsa), signing=(ksk,), ds=_ds_of(ksk, rsa)),
        "liberalnew": Recipe((ksk, rsa), signing=(rsa,), ds=_ds_of(ksk, rsa)),
        "revoked": Recipe((Key(13, 1, REVOKED_KSK), new), signing=(new,), ds=_ds_of(new)),
        "csk256": Recipe((Key(13, 6, ZSK),), ds=_ds_of(Key(13, 6, ZSK))),
        "dszsk": Recipe((ksk, zsk), signing=(zsk,), ksks=(ksk, zsk), ds=_ds_of(zsk)),
        "standby": Recipe((ksk, new), signing=(ksk,), ksks=(ksk,), ds=_ds_of(ksk, new)),
        "manykeys": Recipe(tuple(Key(13, n) for n in range(1, 8)), ds=_ds_of(Key(13, 7))),
    }
    for label, recipe in stages.items():
        yield Entry(f"{label}.nsec.", recipe, PLAIN)


def _ds_of(*keys: Key, digest: int = 2) -> Callable[[dns.name.Name], list[DS]]:
    return lambda apex: [key.ds(apex, digest) for key in keys]


def _delegations() -> Iterator[Entry]:
    """DS sets of every kind."""
    key, other = Key(13, 0), Key(13, 9)
    kinds: dict[str, Callable[[dns.name.Name], list[DS]]] = {
        "sha1": _ds_of(key, digest=1),
        "sha256": _ds_of(key),
        "sha384": _ds_of(key, digest=4),
        "alldigests": lambda apex: [key.ds(apex, digest) for digest in (1, 2, 4)],
        "badsha256": lambda apex: [key.ds(apex, 1), _broken(key.ds(apex, 2))],
        "badsha1": lambda apex: [_broken(key.ds(apex, 1)), key.ds(apex, 2)],
        "badsha384": lambda apex: [_broken(key.ds(apex, 4)), key.ds(apex, 2)],
        "unknownalg": lambda _apex: [unknown_ds(f"{key.tag} 200 2 {'ab' * 32}")],
        "unknowndigest": lambda _apex: [unknown_ds(f"{key.tag} 13 200 {'ab' * 32}")],
        "gost": lambda _apex: [unknown_ds(f"{key.tag} 13 3 {'ab' * 32}")],
        "unknownboth": lambda apex: [unknown_ds(f"1 200 200 {'ab' * 32}"), key.ds(apex)],
        "unknowntoo": lambda apex: [unknown_ds(f"{key.tag} 200 2 {'ab' * 32}"), key.ds(apex)],
        "unknownbad": lambda apex: [unknown_ds(f"{key.tag} 200 2 {'ab' * 32}"), other.ds(apex)],
        "dsa": lambda _apex: [unknown_ds(f"{key.tag} 3 2 {'ab' * 32}")],
        "manyds": lambda apex: [*(Key(13, n).ds(apex) for n in range(1, 4)), key.ds(apex)],
        "wrongds": lambda apex: [_broken(key.ds(apex))],
        "otherds": _ds_of(other),
    }
    for number, (label, ds) in enumerate(kinds.items()):
        yield Entry(f"{label}.hash.", usual(13, ds=ds), (PLAIN, LENIENT)[number % 2])
    for parent in PARENTS:
        yield Entry(f"unsignedds.{parent}.", Recipe((), ds=_ds_of(key), spoil=_strip), LENIENT)


def _broken(ds: DS) -> DS:
    return cast("DS", ds.replace(digest=bytes([ds.digest[0] ^ 1]) + ds.digest[1:]))


def _strip(zone: Zone) -> None:
    """Unsigned after all: no signatures, no keys, no denial."""
    zone.signatures.clear()
    for key in [key for key in zone.data if key[1] in {NSEC, NSEC3, DNSKEY_TYPE}]:
        del zone.data[key]


def _islands() -> Iterator[Entry]:
    none = usual(13, ds=lambda _apex: [])
    hashed = usual(8, ds=lambda _apex: [], hashed=Hashed(0, "-", opt_out=True))
    yield Entry("island.nsec.", none, PLAIN)
    yield Entry("island.plain.", none, PLAIN)
    yield Entry("anchored.plain.", none, LENIENT, anchored=True)
    yield Entry("sec.anchored.plain.", usual(), PLAIN)
    yield Entry("insec.anchored.plain.", None, PLAIN)
    yield Entry("hashed.plain.", hashed, STRICT, anchored=True)
    yield Entry("insec.hashed.plain.", None, LENIENT)
    yield Entry("anchored.opt.", none, PLAIN, anchored=True)
    yield Entry("badanchor.plain.", usual(13, ds=_ds_of(Key(13, 9))), PLAIN, anchored=True)


def _waived() -> Iterator[Entry]:
    """Below a negative trust anchor (RFC 7646), and below an anchor below that."""
    yield Entry(f"{WAIVED}nsec.", usual(13, window=EXPIRED), PLAIN)
    yield Entry(f"sec.{WAIVED}nsec.", usual(), PLAIN)
    yield Entry(f"insec.{WAIVED}nsec.", None, LENIENT)
    yield Entry(f"anchored.{WAIVED}nsec.", usual(), LENIENT, anchored=True)
    yield Entry(f"sec.anchored.{WAIVED}nsec.", usual(8), PLAIN)


def _faults() -> Iterator[Entry]:
    """Each fault in a zone with NSEC and, where it makes a difference, in one with NSEC3."""
    windows = {"expired": EXPIRED, "early": EARLY, "backwards": BACKWARDS,
               "justexpired": (NOW - DAY, NOW - HOUR // 2),
               "soon": (NOW + HOUR // 2, NOW + DAY)}  # fmt: skip
    for label, window in windows.items():
        yield Entry(f"{label}.nsec.", usual(13, window=window), PLAIN)
        yield Entry(f"{label}.hash.", usual(8, window=window, hashed=Hashed()), LENIENT)
    for label, spoil in _SPOILS.items():
        yield Entry(f"{label}.nsec.", usual(13, spoil=spoil), PLAIN)
        yield Entry(f"{label}.opt.", usual(13, spoil=spoil, hashed=Hashed(0, "-")), PLAIN)
    key = Key(13, 0)
    recipes = {
        "nozonebit": Recipe((Key(13, 0, 1),), ds=_ds_of(Key(13, 0, 1))),
        "protocol4": Recipe((Key(13, 0, KSK, 4),), ds=_ds_of(Key(13, 0, KSK, 4))),
        "revokedonly": Recipe((Key(13, 0, REVOKED_KSK),), ds=_ds_of(Key(13, 0, REVOKED_KSK))),
        "strangersig": Recipe((key,), signing=(Key(13, 9),), ksks=(key,)),
        "halfalg": Recipe((key, Key(8, 5)), signing=(Key(8, 5),), ksks=(key,), ds=_ds_of(key)),
        "unsignedksk": Recipe((key, Key(13, 8)), ksks=(Key(13, 8),), ds=_ds_of(key)),
    }
    for label, recipe in recipes.items():
        yield Entry(f"{label}.hash.", recipe, PLAIN)


def _drop_denials(zone: Zone) -> None:
    for key in [key for key in zone.data if key[1] in {NSEC, NSEC3}]:
        del zone.data[key]


def _drop_denial_signatures(zone: Zone) -> None:
    for key in [*zone.keys_of(NSEC), *zone.keys_of(NSEC3)]:
        zone.signatures[key] = []


def _drop_all_signatures(zone: Zone) -> None:
    for key in list(zone.signatures):
        zone.signatures[key] = []


def _bad_denials(zone: Zone) -> None:
    for owner, rtype in [*zone.keys_of(NSEC), *zone.keys_of(NSEC3)]:
        zone.corrupt(str(owner), dns.rdatatype.to_text(dns.rdatatype.RdataType(rtype)))


def _no_dnskey(zone: Zone) -> None:
    del zone.data[zone.apex, DNSKEY_TYPE]


def _by_parent(zone: Zone) -> None:
    """The signature names the parent as its signer."""
    zone.resign("www", "A", signer=str(zone.apex.parent()))


def _by_child(zone: Zone) -> None:
    zone.resign("www", "A", signer="www")


_SPOILS: dict[str, Callable[[Zone], None]] = {
    "nosig": lambda zone: zone.drop_signatures("www", "A"),
    "badsig": lambda zone: zone.corrupt("www", "A"),
    "oldsig": lambda zone: zone.resign("www", "A", window=EXPIRED),
    "badwild": lambda zone: zone.corrupt("*.wild", "A"),
    "badalias": lambda zone: zone.corrupt("alias", "CNAME"),
    "baddname": lambda zone: zone.corrupt("tree", "DNAME"),
    "badsoa": lambda zone: zone.corrupt("@", "SOA"),
    "badns": lambda zone: zone.corrupt("@", "NS"),
    "nosoasig": lambda zone: zone.drop_signatures("@", "SOA"),
    "nokeysig": lambda zone: zone.drop_signatures("@", "DNSKEY"),
    "badkeysig": lambda zone: zone.corrupt("@", "DNSKEY"),
    "nodnskey": _no_dnskey,
    "nosigs": _drop_all_signatures,
    "nodenial": _drop_denials,
    "nodenialsig": _drop_denial_signatures,
    "baddenial": _bad_denials,
    "byparent": _by_parent,
    "bychild": _by_child,
}
