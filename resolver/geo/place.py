"""Where an instance says it stands, by the habit of who runs it. Pure.

What a server says of itself (NSID, id.server) is text without a form that anybody promised, so a
place is read only from forms that an operator is known to use, and is a claim: `agree` says whether
round trips allow it. Codes are IATA's for airports, or UN/LOCODE's for towns, after the country.
What is read is untrusted; the patterns are anchored, and take linear time.

The forms are as of 2026-11. Sources: RFC 7108 (L); the operators' own lists of sites behind
root-servers.org, and public measurements of `hostname.bind` by RIPE Atlas, with the programs that
read them (A, C, E, F, H, I, J, K, M); the pages of Google, Quad9, Cloudflare and OpenDNS.
D's and G's codes are their own, and are left alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.geo.codes import airport_of, city_of

if TYPE_CHECKING:
    from resolver.geo.codes import Place

_CLOUDFLARE: Final = frozenset({
    "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3",
    "2606:4700:4700::1111", "2606:4700:4700::1001",
})  # fmt: skip
_OPENDNS: Final = frozenset({
    "208.67.222.222", "208.67.220.220", "208.67.222.123", "208.67.220.123",
    "2620:119:35::35", "2620:119:53::53",
})  # fmt: skip
# Netnod's codes for towns that have others elsewhere.
_NETNOD: Final = {"BEI": "PEK", "LDN": "LON", "JOH": "JNB", "TOK": "TYO"}


class Habit(NamedTuple):
    """How one operator names instances. *country* and *code* are groups of the pattern.

    *nameservers*: only theirs, by the end of the name; *hosts*: only these addresses.
    """

    pattern: re.Pattern[str]
    nameservers: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()

    def is_meant(self, nameserver: str, host: str) -> bool:
        """May a server of that name and address speak so?"""
        if not self.nameservers and not self.hosts:
            return True
        return host in self.hosts or nameserver.endswith(self.nameservers or ("\0",))


def _habit(pattern: str, *nameservers: str, hosts: frozenset[str] = frozenset()) -> Habit:
    return Habit(re.compile(pattern, re.ASCII | re.IGNORECASE), nameservers, hosts)


_HABITS: Final = (
    # Verisign: A, J, .com and .net. nnn1-fra5, rootns-elpek3, nnn1-jptyo-1b, a.r.lon8.gblon-0
    _habit(r"(?:nnn\d|rootns)-(?:el)?(?P<code>[a-z]{3})\d+[a-z]?"),
    _habit(r"(?:nnn\d|rootns)-(?P<country>[a-z]{2})(?P<code>[a-z]{3})-\d+[a-z]?"),
    _habit(r"[a-m]\.[a-z]\.[a-z]{3}\d+\.(?P<country>[a-z]{2})(?P<code>[a-z]{3})-\d+[a-z]?"),
    # B says b1-lax
    _habit(r"b\d-(?P<code>[a-z]{3})", "b.root-servers.net."),
    # C and F: fra1a.c.root-servers.org, mad1f.f.root-servers.org, BRU.cf.f.root-servers.org
    _habit(r"(?P<code>[a-z]{3})(?:\d[a-z])?(?:\.cf)?\.[cf]\.root-servers\.org"),
    # E: c01.MCI.eroot, p01.fra1.eroot
    _habit(r"[a-z]\d+\.(?P<code>[a-z]{3})[a-z0-9]?\.eroot"),
    # H: 001.hkg.h.root-servers.org
    _habit(r"\d+\.(?P<code>[a-z]{3})\.h\.root-servers\.org"),
    # I says s1.ams
    _habit(r"s\d\.(?P<town>[a-z]{3})", "i.root-servers.net."),
    # K, and RIPE NCC's others: ns1.nl-ams.k.ripe.net
    _habit(r"ns\d\.(?P<country>[a-z]{2})-(?P<code>[a-z]{3})\.[a-z]+\.ripe\.net"),
    # L: kr-icn-aa, aa.fr-par.l.root, aa01-in-bom.l.dns.icann.org, mia01.l.root-servers.org
    _habit(r"(?P<country>[a-z]{2})-(?P<code>[a-z]{3})-[a-z]{2}", "l.root-servers.net."),
    _habit(r"[a-z]{2}\d*[.-](?P<country>[a-z]{2})-(?P<code>[a-z]{3})\.l\.(?:root|dns\.icann\.org)"),
    _habit(r"(?P<code>[a-z]{3})\d\d\.l\.root-servers\.org"),
    # M: M-NRT-JPNAP-1, M-CDG-1
    _habit(r"m-(?P<code>[a-z]{3})(?:-[a-z]{1,16})?-\d+"),
    # Google's, Quad9's and PCH's: gpdns-fra, res100.ams.rrdns.pch.net
    _habit(r"gpdns-(?P<code>[a-z]{3})"),
    _habit(r"res\d+\.(?P<code>[a-z]{3})(?:\.rrdns\.pch\.net)?"),
    # Cloudflare's and OpenDNS': waw03, m12.lon
    _habit(r"(?P<code>[a-z]{3})\d\d", "ns.cloudflare.com.", hosts=_CLOUDFLARE),
    _habit(r"[mr]\d+\.(?P<code>[a-z]{3})", hosts=_OPENDNS),
)


def place_of(instance: str, nameserver: str = "", host: str = "") -> Place | None:
    """Where *instance* says it is; None where nobody is known to speak so.

    *nameserver* and *host* of the server that said it, as text, where they are known.
    """
    for habit in _HABITS:
        found = habit.pattern.fullmatch(instance)
        if found is not None and habit.is_meant(nameserver.lower(), host):
            return _place(found.groupdict())
    return None


def _place(read: dict[str, str | None]) -> Place | None:
    if (town := read.get("town")) is not None:
        code = town.upper()
        return city_of(_NETNOD.get(code, code))
    place = airport_of((read["code"] or "").upper())
    country = read.get("country")
    if place is not None and country is not None and place.country != country.upper():
        return None  # a code that means another place than the airport
    return place
