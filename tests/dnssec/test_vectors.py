"""Signatures that others made: RFC 6605 and 8080, and the unit data of Unbound."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from resolver.dnssec.algorithms import ds_digest
from resolver.dnssec.keys import zone_key
from resolver.dnssec.signature import Verified, verify_rrset
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType
from resolver.protocol.nsec3 import Params, digest_in, digest_of
from tests.dnssec.data import FOLDER, MISSING, grouped, rrset_of, wire

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.model import Name, RRset

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=MISSING)
VECTORS = FOLDER / "dnssec" / "rfc6605-8080-vectors.json"
UNBOUND = FOLDER / "dnssec" / "unbound-testdata"
_OLD_ALGORITHMS = {3, 12}  # DSA, GOST: unsupported, so nothing of theirs verifies


def vectors() -> list[dict[str, str]]:
    return json.loads(VECTORS.read_text())["vectors"] if VECTORS.exists() else []


def check(rrset: RRset, keys: RRset, wall: float) -> Verified:
    steps = verify_rrset(rrset, keys.owner, [zone_key(key) for key in keys.rdatas], wall=wall)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            verified: Verified = stop.value
            return verified


def middle(rrset: RRset) -> float:
    """A time at which the first signature is valid."""
    signature = rdata_fields.rrsig(rrset.signatures[0])
    return (signature.inception + signature.expiration) / 2


@pytest.mark.rfc("RFC 6605 §4")
@pytest.mark.rfc("RFC 8080 §4")
@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["id"])
def test_rfc_6605_and_8080(vector: dict[str, str]) -> None:
    keys = rrset_of(vector["DNSKEY"])
    data = next(key for key in vector if key in ("A", "MX", "AAAA"))
    rrset = rrset_of(f"{vector[data]}\n{vector['RRSIG']}")
    verified = check(rrset, keys, middle(rrset))
    assert verified.flaw is None
    if "DS" in vector:
        ds = rdata_fields.ds(rrset_of(vector["DS"]).rdatas[0])
        assert ds_digest(keys.owner, keys.rdatas[0], ds.digest_type) == ds.digest
        assert zone_key(keys.rdatas[0]).tag == ds.key_tag


class Entry(NamedTuple):
    question: tuple[Name, int]
    rrsets: list[RRset]
    authority: list[RRset]


def entries(path: Path) -> list[Entry]:
    """The ENTRY blocks of an Unbound unit test file."""
    found = []
    for block in re.findall(
        r"^ENTRY_BEGIN$(.*?)^ENTRY_END", path.read_text(), re.MULTILINE | re.DOTALL
    ):
        lines = [line.split(";")[0].strip() for line in block.splitlines()]
        sections: dict[str, list[str]] = {}
        current: list[str] = []
        for line in filter(None, lines):
            if line.startswith("SECTION"):
                current = sections.setdefault(line.split()[1], [])
            else:
                current.append(line)
        qname, *_, qtype = sections["QUESTION"][0].split()
        found.append(
            Entry(
                (names.from_text(qname), int(dns.rdatatype.from_text(qtype))),
                grouped(map(record, sections.get("ANSWER", []))),
                grouped(map(record, sections.get("AUTHORITY", []))),
            )
        )
    return found


def record(line: str) -> tuple[Name, int, int, bytes]:
    owner, *rest = line.replace("(", " ").replace(")", " ").split()
    while rest[0].isdigit() or rest[0].upper() == "IN":
        rest.pop(0)
    rtype = dns.rdatatype.from_text(rest[0])
    rdata = dns.rdata.from_text("IN", rtype, " ".join(rest[1:]), dns.name.root, relativize=False)
    return names.from_text(owner), int(rtype), 3600, wire(rdata)


def signature_files() -> list[Path]:
    return sorted([*UNBOUND.glob("test_signatures.*"), *UNBOUND.glob("test_sigs.*")])


@pytest.mark.parametrize("path", signature_files(), ids=lambda path: path.name)
def test_unbounds_signatures(path: Path) -> None:
    """The first entry holds the keys; later ones verify with them, unless they are called bogus.

    Of two algorithms one good signature is enough for us (RFC 6840 §5.11).
    """
    keys, *others = entries(path)
    (key_set,) = [one for one in keys.rrsets if one.rtype == RRType.DNSKEY]
    is_old = any(rdata_fields.dnskey(key).algorithm in _OLD_ALGORITHMS for key in key_set.rdatas)
    for entry in others:
        for rrset in filter(lambda one: one.signatures, entry.rrsets):
            verified = check(rrset, key_set, middle(rrset))
            is_bogus = entry.question[0].startswith(b"\x05bogus")
            if is_bogus and path.name == "test_sigs.sha1_and_256":
                continue
            expected = is_old or is_bogus or path.name == "test_sigs.revoked"
            assert (verified.flaw is not None) is expected, (entry.question, verified.flaw)


@pytest.mark.rfc("RFC 4509 §3")
@pytest.mark.parametrize("name", ["test_ds.sha1", "test_ds.sha384"])
def test_unbounds_digests(name: str) -> None:
    for entry in entries(UNBOUND / name):
        rrsets = {rrset.rtype: rrset for rrset in entry.rrsets}
        ds = rdata_fields.ds(rrsets[RRType.DS].rdatas[0])
        keys = rrsets[RRType.DNSKEY]
        is_match = ds_digest(keys.owner, keys.rdatas[0], ds.digest_type) == ds.digest
        assert is_match is entry.question[0].startswith(b"\x03yes")


@pytest.mark.rfc("RFC 5155 §5")
def test_unbounds_nsec3_hashes() -> None:
    checked = 0
    for entry in entries(UNBOUND / "test_nsec3_hash.1"):
        parsed = rdata_fields.nsec3(entry.authority[0].rdatas[0])
        digest = digest_of(entry.question[0], Params(parsed.iterations, parsed.salt))
        expected = entry.rrsets[0].owner
        assert digest_in(names.labels(expected)[0]) == digest
        checked += 1
    assert checked > 5
