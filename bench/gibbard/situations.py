"""The places and cuts of Gibbard's article, as tables: who serves what, how far, and what fails.

Steve Gibbard, "Geographic Implications of DNS Infrastructure Distribution", The Internet Protocol
Journal 10-1 (2007), data of May 2006: where the servers are, and the round trips marked (G). The
others are measured city pairs (WonderProxy, July 2020), or a guess where a country has one city:
5 ms at home. Every server has an IPv4 and an IPv6 address, of the same fate.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

HOUR_S = 3600.0
HOME_MS = 5.0


class Site(NamedTuple):
    """One server. *fails*: the failure of the situation takes it away."""

    rtt_ms: float
    fails: bool


class Tld(NamedTuple):
    label: str
    sites: tuple[Site, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One vantage. *home* and *abroad* host the second level; *cut* "": nothing ever fails.

    *later_s*: when it is looked again, after the cut. *serves_stale* None: as shipped.
    """

    key: str = ""
    title: str = ""
    roots: tuple[Site, ...]
    tlds: tuple[Tld, ...] = ()
    cut: str = ""
    home: tuple[Site, ...]
    abroad: tuple[Site, ...]
    later_s: tuple[float, ...] = (HOUR_S,)
    serves_stale: bool | None = None


def home(*rtts_ms: float) -> tuple[Site, ...]:
    """Servers that the failure leaves alone."""
    return tuple(Site(rtt_ms, fails=False) for rtt_ms in rtts_ms or (HOME_MS, HOME_MS + 1))


def away(*rtts_ms: float) -> tuple[Site, ...]:
    """Servers behind what fails."""
    return tuple(Site(rtt_ms, fails=True) for rtt_ms in rtts_ms)


def roots(near: tuple[Site, ...], far_ms: float, *, fails: bool = True) -> tuple[Site, ...]:
    """13 root servers: *near*, and the others from *far_ms* on, 10 ms further each."""
    far = [Site(far_ms + 10 * number, fails) for number in range(13 - len(near))]
    return (*far[:7], *near, *far[7:])


def at(place: Situation, key: str, title: str, *tlds: Tld, cut: str = "") -> Situation:
    """One scenario of *place*, whose own *tlds* it asks if none are given."""
    return dataclasses.replace(place, key=key, title=title, tlds=tlds or place.tlds, cut=cut)


def with_roots(place: Situation, sites: tuple[Site, ...]) -> Situation:
    return dataclasses.replace(place, roots=sites)


def gtlds(near: tuple[str, ...], far: tuple[str, ...], near_ms: float) -> tuple[Tld, ...]:
    at_home = [Tld(label, (*_LONG, *home(near_ms))) for label in near]
    return (*at_home, *(Tld(label, _LONG) for label in far))


def all_fail(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    return tuple(site._replace(fails=True) for site in sites)


def one_is_left(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    return (*all_fail(sites[:-1]), sites[-1])


FIBRE, SATELLITE, LINKS = "the one fibre", "the satellite", "all international links"
DAYS_S = (HOUR_S, 20 * HOUR_S, 60 * HOUR_S, 96 * HOUR_S)
_LONG = away(160, 190)

# --- places ----------------------------------------------------------------------------------

_JAKARTA = Situation(roots=roots(home(4, 6), 170), home=home(), abroad=away(198, 202))
_KARACHI = Situation(roots=roots(home(5), 150), home=home(), abroad=away(210, 280))
_NO_ROOT = with_roots(_KARACHI, roots((), 150))
_NAIROBI = Situation(roots=roots(home(3), 650), home=home(2, 4), abroad=away(600, 680))
_COLOMBO = Situation(roots=roots((), 150), home=home(), abroad=away(160, 230))
_LAGOS = Situation(roots=roots((), 97), home=home(), abroad=away(97, 154))
_SYDNEY = Situation(roots=roots(home(3, 20), 150), home=home(5, 12), abroad=_LONG)
_AFRICA = Situation(roots=roots(home(3, 4), 160), home=home(), abroad=_LONG)
_DELHI = Situation(roots=roots(home(4, 20, 30), 120), home=home(), abroad=_LONG)
_BRAZIL = Situation(roots=roots(home(3, 4, 15), 110), home=home(), abroad=_LONG)
_ISLAND = Situation(roots=roots((), 520), home=home(), abroad=away(500, 600))
_CORE_ROOTS = roots((), 30, fails=False)
_CORE = Situation(roots=_CORE_ROOTS, home=home(20, 35), abroad=away(40, 60))
_CORE_SPARED = dataclasses.replace(_CORE, abroad=home(40, 60))
_JAKARTA_SPARED = dataclasses.replace(_JAKARTA, abroad=home(198, 202))
_BACKWATER = Situation(roots=roots((), 500), home=away(1000, 500), abroad=away(500, 520))

# --- TLDs, as seen from there ----------------------------------------------------------------

_ID = Tld("id", (*away(45, 198), *home(5, 8)))
_ID_SPARED = Tld("id", home(45, 198, 5, 8))
_ID_COM = Tld("com", away(18, 190, 200))  # (G) Singapore 18
_ID_ORG = Tld("org", away(198, 202, 230))  # each address has a near site, and a far one answers
_PK = Tld("pk", away(205, 230, 285))  # (G) more than 200
_PK_COM = Tld("com", away(80, 205, 215, 280))  # (G) Singapore 80
_PK_ORG = Tld("org", away(205, 230))  # (G) more than 200
_KE = Tld("ke", (*away(620, 700), *home(3)))
_KE_ORG = Tld("org", away(503, 640))  # (G) adds half a second
_KE_COM = Tld("com", away(600, 620, 700))
_KE_COM_TOO = Tld("com", (*_KE_COM.sites, *home(3)))
_LK = Tld("lk", (*home(5), *away(190, 220)))
_LK_COM = Tld("com", away(80, 210))
_NG = Tld("ng", (*home(5), *away(97, 154)))
_COM = Tld("com", home(15, 30, 60, 90))
_REGION = (Tld("cn", away(180, 210)), Tld("tj", away(250)), _COM)
_BY_SPACE = Tld("zz", away(1000, 1000, 500))  # (G) by way of the core and back: twice as far

# --- scenarios -------------------------------------------------------------------------------

_PLACES = (
    at(_JAKARTA, "G01", "Jakarta, id", _ID),
    at(_JAKARTA, "G02", "Jakarta, id, isolated", _ID, cut=LINKS),
    at(_KARACHI, "G03", "Karachi, pk", _PK),
    at(_KARACHI, "G04", "Karachi, pk, fibre cut", _PK, cut=FIBRE),
    at(_KARACHI, "G05", "Karachi, com", _PK_COM),
    at(_KARACHI, "G06", "Karachi, org", _PK_ORG),
    at(_KARACHI, "G07", "Karachi, every TLD", _PK, _PK_COM, _PK_ORG, cut=FIBRE),
    at(_NO_ROOT, "G08", "Karachi before 2006: no root", _PK, cut=FIBRE),
    at(_JAKARTA, "G09", "Jakarta, com", _ID_COM),
    at(_JAKARTA, "G10", "Jakarta, org", _ID_ORG),
    at(_NAIROBI, "G11", "Nairobi, ke", _KE),
    at(_NAIROBI, "G12", "Nairobi, ke, satellite down", _KE, cut=SATELLITE),
    at(_NAIROBI, "G13", "Nairobi, org", _KE_ORG),
    at(_NAIROBI, "G14", "Nairobi, org, satellite down", _KE_ORG, cut=SATELLITE),
    at(_NAIROBI, "G15a", "Nairobi, com before", _KE_COM, cut=SATELLITE),
    at(_NAIROBI, "G15b", "Nairobi, com with a server there", _KE_COM_TOO, cut=SATELLITE),
    at(_COLOMBO, "G16", "Colombo 2004: no root", _LK, _LK_COM, cut=FIBRE),
    dataclasses.replace(at(_KARACHI, "G17", "Karachi, days of it", _PK, cut=FIBRE), later_s=DAYS_S),
    at(_LAGOS, "G18", "Lagos: the root is far", _NG),
)

_LEVELS = (
    at(
        with_roots(_CORE_SPARED, all_fail(_CORE_ROOTS)),
        "G19a", "every root server down", _COM, cut="the root servers",
    ),
    at(
        _CORE_SPARED,
        "G19b", "every TLD server down", Tld("com", all_fail(_COM.sites)), Tld("net", _COM.sites),
        cut="the servers of com",
    ),
    at(_CORE, "G19c", "every second-level server down", _COM, cut="the second level abroad"),
    at(
        Situation(
            roots=one_is_left(_CORE_ROOTS),
            home=one_is_left(home(20, 35, 50)),
            abroad=one_is_left(home(40, 60, 80)),
        ),
        "G19d", "one server of each level left", Tld("com", one_is_left(_COM.sites)),
        cut="all servers but one",
    ),
    at(
        Situation(roots=all_fail(_CORE_ROOTS), home=away(20, 35), abroad=away(40, 60)),
        "G20", "what a cache masks", Tld("com", all_fail(_COM.sites)), cut="everything",
    ),
    at(_CORE, "G21", "a cold walk", _COM),
    at(
        dataclasses.replace(_CORE, abroad=away(190, 260)),
        "G22", "core, a region's TLD cut off", *_REGION, cut="the region",
    ),
    at(
        dataclasses.replace(_CORE, abroad=away(190, 260), serves_stale=False),
        "G23", "the same, stale answers off", *_REGION, cut="the region",
    ),
    at(
        with_roots(_JAKARTA, roots(home(4, 8), 150)), "G24", "2 of 13 roots are near", _ID
    ),
    at(
        with_roots(_JAKARTA_SPARED, roots(away(4), 150, fails=False)),
        "G25a", "the near root dead, still announced", _ID_SPARED, cut="the near root",
    ),
    at(
        with_roots(_JAKARTA_SPARED, roots((*away(4), *home(8)), 150, fails=False)),
        "G25b", "one of two near roots dead", _ID_SPARED, cut="a near root",
    ),
    at(
        with_roots(_JAKARTA_SPARED, roots((*away(4), *home(6)), 170, fails=False)),
        "G26a",
        "Jakarta, one of its two roots dead",
        _ID_SPARED,
        cut="a root",
    ),
    at(
        with_roots(_JAKARTA, roots((*away(4), *home(6)), 170)),
        "G26b", "the same, and isolated", _ID, cut="a root and all links",
    ),
    at(_BACKWATER, "G27", "no exchange: home by satellite", _BY_SPACE, cut=SATELLITE),
)  # fmt: skip

_REGIONS = (
    at(
        _SYDNEY, "G28", "Sydney, gTLDs",
        *gtlds(("biz", "travel", "com", "net"), ("org", "info", "edu"), 10),
        cut="the ocean cables",
    ),
    at(
        _AFRICA, "G29a", "Johannesburg, gTLDs",
        *gtlds(("info", "mobi", "org"), ("com", "net", "aero"), 5), cut=LINKS,
    ),
    at(
        _DELHI, "G29b", "Delhi, gTLDs",
        *gtlds(("aero", "info", "mobi", "org"), ("com", "net"), 5), cut=LINKS,
    ),
    at(
        _BRAZIL, "G30", "Sao Paulo, gTLDs",
        *gtlds(("com", "net"), ("org", "info", "biz"), 8), cut=LINKS,
    ),
    at(
        _ISLAND, "G31", "an island by satellite, gTLDs",
        Tld("com", away(500, 560)), Tld("org", away(520, 640)), cut=SATELLITE,
    ),
)  # fmt: skip

SITUATIONS = (*_PLACES, *_LEVELS, *_REGIONS)
NO_WORLD = {
    "G32": "a count over all countries (two thirds of ccTLDs are hosted at home), no place: "
    "one of the two thirds sees G02 and G12, one of the others G04",
}
