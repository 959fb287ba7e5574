"""Keys of every algorithm in use, and the records made from them.

Made once per process and shared between zones: a zone's key is told by algorithm and number. RSA
keys are short where the algorithm is retired anyway, so that worlds are built in seconds.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from bench.common.signing import key_tag

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS
    from dns.rdtypes.ANY.RRSIG import RRSIG
    from dns.rrset import RRset

ALGORITHMS = (5, 7, 8, 10, 13, 14, 15, 16)
ZSK, KSK, REVOKED_KSK = 256, 257, 385
_RSA_BITS = {5: 1024, 7: 1024, 8: 2048, 10: 1024}
_DIGESTS = {1: "SHA1", 2: "SHA256", 4: "SHA384"}

Private: TypeAlias = (
    ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | rsa.RSAPrivateKey
)


class Key(NamedTuple):
    """One key pair in the role that its *flags* name."""

    algorithm: int
    number: int = 0
    flags: int = KSK
    protocol: int = 3

    @property
    def dnskey(self) -> DNSKEY:
        return _dnskey(self)

    @property
    def tag(self) -> int:
        return dns.dnssec.key_id(self.dnskey)

    def ds(self, apex: dns.name.Name, digest: int = 2) -> DS:
        return dns.dnssec.make_ds(
            apex, self.dnskey, _DIGESTS[digest], policy=dns.dnssec.allow_all_policy
        )

    def sign(self, rrset: RRset, signer: dns.name.Name, window: tuple[int, int]) -> RRSIG:
        return dns.dnssec.sign(
            rrset,
            _private(self.algorithm, self.number),
            signer,
            self.dnskey,
            inception=window[0],
            expiration=window[1],
            policy=dns.dnssec.allow_all_policy,
        )


def colliding(count: int, *, flags: int = ZSK) -> list[Key]:
    """So many ECDSA P-256 keys of one tag, by birthday: seconds for six of them."""
    buckets: dict[int, list[int]] = {}
    while True:
        number = 100_000 + len(_chosen)
        _chosen[13, number] = ec.generate_private_key(ec.SECP256R1())
        alike = buckets.setdefault(_tag_of(_chosen[13, number], flags), [])
        alike.append(number)
        if len(alike) == count:
            return [Key(13, one, flags) for one in alike]


def _tag_of(private: ec.EllipticCurvePrivateKey, flags: int) -> int:
    """Without making a record of it (RFC 4034 App. B)."""
    point = private.public_key().public_numbers()
    rdata = flags.to_bytes(2, "big") + b"\3\x0d"
    return key_tag(rdata + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big"))


_chosen: dict[tuple[int, int], ec.EllipticCurvePrivateKey] = {}


@functools.cache
def _private(algorithm: int, number: int) -> Private:
    if (algorithm, number) in _chosen:
        return _chosen[algorithm, number]
    if algorithm in _RSA_BITS:
        return rsa.generate_private_key(65537, _RSA_BITS[algorithm])
    if algorithm in {13, 14}:
        return ec.generate_private_key(ec.SECP256R1() if algorithm == 13 else ec.SECP384R1())
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.generate()
    return ed448.Ed448PrivateKey.generate()


@functools.cache
def _dnskey(key: Key) -> DNSKEY:
    public = _private(key.algorithm, key.number).public_key()
    return dns.dnssec.make_dnskey(public, key.algorithm, flags=key.flags, protocol=key.protocol)


def unknown_ds(text: str) -> DS:
    """A DS record from its presentation form, whatever its algorithm and digest."""
    made = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DS, text)
    return cast("DS", made)
