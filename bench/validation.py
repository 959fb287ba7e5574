"""Cost of believing an RRset, beside dnspython and the bare check: `python -m bench.validation`.

For each algorithm: one RRset of two addresses and its RRSIG, with the key parsed before, as it is
for every RRset of a zone but the first. "Raw" is `cryptography`'s verify of octets made beforehand:
what no validator in Python can go below. "Judge" is a whole validated of such an answer with the
zone's keys known. CPU time, medians of rounds taken in turn: a busy machine weighs on all alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import dns.dnssec
import dns.name
import dns.rdata
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.canonical import canonical_rdatas, signed_data
from resolver.dnssec.context import Context
from resolver.dnssec.keys import parsed, zone_key
from resolver.dnssec.keystore import KeyStore
from resolver.dnssec.signature import verify_rrset
from resolver.dnssec.steps import Work
from resolver.dnssec.validator import validate
from resolver.model import Link, Question, RRset, Status, Verdict
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType
from resolver.protocol.nsec3 import Params, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

WALL = 1_785_000_000
DAY = 86_400
APEX, OWNER = names.from_text("example."), names.from_text("www.example.")


def keys() -> dict[str, tuple[int, Any]]:
    """A fresh key of each algorithm that is measured."""
    return {
        "RSA-2048": (8, rsa.generate_private_key(65537, 2048)),
        "P-256": (13, ec.generate_private_key(ec.SECP256R1())),
        "Ed25519": (15, ed25519.Ed25519PrivateKey.generate()),
    }


class Material(NamedTuple):
    """One signed RRset, for us and for dnspython."""

    rrset: RRset
    keys: RRset
    text_rrset: dns.rrset.RRset
    text_signatures: dns.rrset.RRset
    text_keys: dict[dns.name.Name, Any]


def wire(made: Any) -> bytes:
    return bytes(made.to_wire())


def material(algorithm: int, private: Any) -> Material:
    apex = dns.name.from_text("example.")
    public = dns.dnssec.make_dnskey(private.public_key(), algorithm, 257)
    keys = dns.rrset.from_rdata(apex, 3600, public)
    key_signature = dns.dnssec.sign(
        keys, private, apex, public, inception=WALL - DAY, expiration=WALL + DAY
    )
    data = dns.rrset.from_text("www.example.", 3600, "IN", "A", "192.0.2.1", "192.0.2.2")
    signature = dns.dnssec.sign(
        data, private, apex, public, inception=WALL - DAY, expiration=WALL + DAY
    )
    return Material(
        RRset(OWNER, RRType.A, 3600, tuple(map(wire, data)), (wire(signature),)),
        RRset(APEX, RRType.DNSKEY, 3600, (wire(public),), (wire(key_signature),)),
        data,
        dns.rrset.from_rdata(data.name, 3600, signature),
        {apex: keys},
    )


def drained(steps: Any) -> Any:
    """What *steps* return when nobody minds the work."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return stop.value


def runners(made: Material) -> dict[str, Callable[[], object]]:
    keys = [zone_key(rdata) for rdata in made.keys.rdatas]
    octets = made.rrset.signatures[0]
    rrsig = rdata_fields.rrsig(octets)
    data = signed_data(made.rrset, canonical_rdatas(1, made.rrset.rdatas), rrsig, octets)
    key = keys[0]
    parsed(key.rdata)  # as it is before the first signature of a zone's second RRset
    anchors = Anchors.of([AnchorRecord(APEX, RRType.DNSKEY, made.keys.rdatas[0])])
    keystore = KeyStore()
    found = Link(Question(APEX, RRType.DNSKEY), APEX, Verdict.ANSWER, 0, (made.keys,))

    def judged() -> None:
        outcome = Link(Question(OWNER, 1), APEX, Verdict.ANSWER, 0, (made.rrset,))
        steps, findings = validate(outcome, Context(anchors, keystore, WALL, 0.0)), None
        while True:
            try:
                step = steps.send(findings)
            except StopIteration as stop:
                if stop.value.status is not Status.SECURE:
                    raise RuntimeError(stop.value.sentence) from None
                return
            findings = None if isinstance(step, Work) else dict.fromkeys(step, found)

    return {
        "raw": lambda: key.verify(rrsig.signature, data),
        "ours": lambda: drained(verify_rrset(made.rrset, APEX, keys, wall=WALL)),
        "judge": judged,
        "dnspython": lambda: dns.dnssec.validate(
            made.text_rrset, made.text_signatures, made.text_keys, now=WALL
        ),
    }


def microseconds(run: Callable[[], object], *, calls: int) -> float:
    begin = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - begin) / calls * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    print("µs of CPU per RRset   raw   ours  judge  dnspython")
    for title, (algorithm, private) in keys().items():
        runs = runners(material(algorithm, private))
        rounds = [
            {name: microseconds(run, calls=options.calls) for name, run in runs.items()}
            for _ in range(options.rounds)
        ]
        cells = [statistics.median(one[name] for one in rounds) for name in runs]
        print(f"{title:<18} {cells[0]:>8.0f} {cells[1]:>6.0f} {cells[2]:>6.0f} {cells[3]:>10.0f}")
    for iterations in (0, 10, 150):
        params = Params(iterations, b"\xaa\xbb\xcc\xdd")
        run: Callable[[], object] = partial(digest_of, OWNER, params)
        cost = statistics.median(
            microseconds(run, calls=options.calls) for _ in range(options.rounds)
        )
        print(f"NSEC3 hash, {iterations:>3} iterations {cost:>6.1f}")


if __name__ == "__main__":
    main()
