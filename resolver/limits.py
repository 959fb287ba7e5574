"""Every bound of the program in one table: default, floor, ceiling, unit, source.

No bare number elsewhere decides how much, how long or how many. The README's table and
`resolver check` print from here; a test asserts that every entry has a scenario that reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound: *default* within [*floor*, *ceiling*], its *unit* and *source*."""

    default: float
    floor: float
    ceiling: float
    unit: str
    source: str

    def __post_init__(self) -> None:
        if not self.floor <= self.default <= self.ceiling:
            raise ValueError(f"default {self.default} is outside [{self.floor}, {self.ceiling}]")

    def __int__(self) -> int:
        return int(self.default)

    def __float__(self) -> float:
        return float(self.default)


# --- work per client query -----------------------------------------------------------------
UPSTREAM_QUERIES = Limit(100, 20, 400, "packets sent per client query, sub-queries included",
    "RFC 1034 §5.3.3 'bound the amount of work'; CVE-2020-12667 (NXNSAttack)")
NS_LOOKUPS = Limit(20, 4, 64, "nameserver names looked up per client query",
    "CVE-2020-12667 (NXNSAttack)")
NS_LOOKUPS_PER_CUT = Limit(6, 2, 16, "nameserver names looked up per zone cut",
    "NXNSAttack, NRDelegation (CVE-2022-3204)")
NS_PER_DELEGATION = Limit(26, 13, 64, "nameserver names kept per delegation", "CVE-2022-3204")
ADDRESSES_PER_NAMESERVER = Limit(8, 4, 32, "addresses kept per nameserver name", "CVE-2022-3204")
SUBQUERY_DEPTH = Limit(7, 4, 16, "sub-queries within sub-queries", "TsuNAME (2021); BIND's 7")
CHAIN_LENGTH = Limit(12, 8, 20, "CNAME and DNAME links per client query",
    "RFC 1034 §5.2.2; CAMP (2024); Unbound's 11")
REFERRALS = Limit(30, 16, 130, "zone cuts walked per question", "RFC 1034 §5.3.3")
QUERY_SECONDS = Limit(10.0, 1.0, 30.0, "seconds from a client query to its answer",
    "Knot's and BIND's 10 s")
