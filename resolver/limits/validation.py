"""Limits: what a validator does at most."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("what a validator does at most")

SIGNATURES_PER_RRSET = limit(8, "signature checks per RRset", why="CVE-2023-50387 (KeyTrap)")
RRSIGS_PER_RRSET = limit(
    16,
    "signatures looked at per RRset; the rest is ignored",
    why="CVE-2023-50387 (KeyTrap); Unbound keeps 8",
)
KEYS_PER_TAG = limit(
    8,
    "keys of one tag and algorithm tried per signature",
    why="CVE-2023-50387 (KeyTrap); tags are 16 bits, and Unbound and Knot find one key of six",
)
SIGNERS_PER_RRSET = limit(2, "signer names followed per RRset", why="CVE-2023-50387 (KeyTrap)")
DS_PER_ZONE = limit(8, "DS records tried per zone", why="CVE-2023-50387 (KeyTrap)")
DS_MATCHES_PER_ZONE = limit(
    8, "keys hashed against DS records per zone", why="CVE-2023-50387 (KeyTrap)"
)
NSEC3_ITERATIONS = limit(
    150,
    "extra NSEC3 iterations still validated",
    why="RFC 9276 §3.2; as Unbound 1.17, BIND 9.18, PowerDNS 4.8 (Knot 5.6 and later BIND: 50)",
)
DENIALS_PER_RESPONSE = limit(
    12,
    "NSEC and NSEC3 RRsets checked per response",
    why="CVE-2023-50868; a wildcard NODATA needs four",
)
CHAIN_LINKS = limit(24, "zones from the trust anchor to a name", why="our choice; ip6.arpa has 9")
AHEAD_ZONES = limit(
    4,
    "zones on a chain of trust whose DS and keys are asked for side by side",
    why="a country's second level and what is registered there; names that are no zones cost twice",
)
AHEAD_QUESTIONS = limit(
    16, "questions asked so for one reply", why="a sixth of what a client's question may cost"
)
CHAIN_RETRIES = limit(4, "other servers asked for a DS or DNSKEY that failed", why="Unbound's 5")
SIGNATURE_SKEW_SECONDS = limit(
    3600,
    "seconds a signature may be early or late",
    why="RFC 4035 §5.3.1 leaves it open; a clock one time zone off; Unbound's 1 hour",
)
CLOCK_FLOOR_SECONDS = limit(
    86_400,
    "seconds that the time signatures confirm moves on before it is written down again",
    why="power may fail; a flash card wears",
)
RSA_MODULUS_BITS = limit(
    4096, "bits of an RSA modulus", why="RFC 3110 §2; cost of a check grows with the square"
)
RSA_EXPONENT_BITS = limit(35, "bits of an RSA exponent", why="BIND's 35; CVE-2006-4339's kin")
CLOCK_STEP_SECONDS = limit(
    60.0,
    "seconds by which a clock that was set must differ for what was bogus to be checked again",
    why="SIGNATURE_SKEW_SECONDS; NTP slews what is less",
)
ANCHOR_HOLD_DOWN_SECONDS = limit(
    30 * 86_400,
    "seconds a new root key is watched before it is trusted, and a revoked one remembered",
    why="RFC 5011 §2.4.1, §4.1",
)
PARSED_KEYS = limit(4096, "public keys kept parsed", why="our choice")
KNOWN_SIGNATURES = limit(
    2048, "signatures known to be good, not checked again", why="3 MB; SOA sets above all"
)
KNOWN_SIGNATURE_OCTETS = limit(
    1024, "octets of signed data that is remembered as such", why="an SOA takes about 200"
)
TRUSTED_ZONES = limit(16_384, "zones whose keys or insecurity are kept", why="our choice")
TRUST_TTL_SECONDS = limit(
    86_400, "seconds a zone's keys are kept at most", why="as MAX_TTL_SECONDS"
)
AGGRESSIVE_NSEC3_ITERATIONS = limit(
    10,
    "NSEC3 iterations of zones that denials are made for",
    why="RFC 9276 §3.1 asks for 0; hashing happens in the recall path",
)
AGGRESSIVE_NSEC3_LABELS = limit(
    8, "labels below the apex hashed to make up a denial", why="CVE-2023-50868"
)
NSEC3_GAP_BITS = limit(
    80,
    "bits, of a hash's 160: a gap narrower than 2 to this power is not kept",
    why="white lies (RFC 7129 appendix B): hardly any other name falls into it",
)
DENIAL_RANGE_OCTETS = limit(16 << 20, "octets of aggressive NSEC ranges", why="RFC 8198 §5")
SIGNATURES_PER_CHECKPOINT = limit(
    8,
    "signature checks before the event loop runs again",
    why="8 P-384 checks are 4 ms; the loop is never blocked for 20 ms",
)
HASHES_PER_CHECKPOINT = limit(
    80,
    "NSEC3 hashes before the event loop runs again",
    why="the dearest allowed (150 iterations, 255 octets of salt) takes 80 µs: 7 ms in all",
)
ROLLOVER_RETRY_SECONDS = limit(
    3600,
    "seconds before trust anchor keys that could not be had are asked again",
    why="RFC 5011 §2.3 (at most an hour apart after a failure)",
)
ROLLOVER_FOLLOW_SECONDS = limit(
    60,
    "seconds between two looks of a worker at what the one that follows rollovers has written",
    why="hold-down times are counted in days (RFC 5011 §2.4.1); a small file costs nothing to read",
)
