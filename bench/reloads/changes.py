"""What is changed, each in its turn: there in one reload, gone in the next one of its kind.

A new kind is one entry of `CHANGES`: lines of the configuration, and if it shows in an answer, a
question with what is right while the lines are there and while they are not. Files that the lines
name are `FILES`, in the working directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
PORT, SECOND_PORT, RESPONDER_PORT, OTHER_PORT = 5380, 5379, 5391, 5392
USUAL: Final = "192.0.2.1"  # of whom all is forwarded to
OTHER: Final = "198.51.100.7"  # of the other server
STRANGER: Final = "127.0.0.2"  # a client
GUEST: Final = "127.0.0.3"  # another one
BLOCKED: Final = "0.0.0.0"  # noqa: S104  # what a list makes of a name
REFUSED: Final = "REFUSED"
SILENCE: Final = "silence"


@dataclass(frozen=True, slots=True)
class Proof:
    """*qname* asked for from *source* at *port* shows in the answer what is in force: an address,
    REFUSED or SILENCE."""

    qname: str
    there: str
    gone: str
    port: int = PORT
    source: str = HOST


@dataclass(frozen=True, slots=True)
class Change:
    """*keys* are of tables that are there anyway: dotted, in place of `USUALLY`'s; *tables* are
    more of them."""

    kind: str
    keys: tuple[tuple[str, str], ...] = ()
    tables: str = ""
    proof: Proof | None = None


USUALLY: Final = {
    "server.listen": f'["{HOST}:{PORT}"]',
    "server.allow_from": f'["{HOST}/32", "{GUEST}/32"]',
    "server.user": '""',
    "server.rate_limit": "0",
    "dnssec.validate": "false",
    "root.prime": "false",
    "outgoing.do_not_query_localhost": "false",
    "cache.size_octets": "4_000_000",
    "log.level": '"warning"',
}
FILES: Final = {
    "ads.list": "".join(f"0.0.0.0 n{at}.ads.example.org\n" for at in range(20_000))
    + "0.0.0.0 www.ads.example.net\n",
}
_TABLES: Final = f"""
[[forward]]
zone = "."
addresses = ["{HOST}:{RESPONDER_PORT}"]
"""


def _zone(kind: str, zone: str) -> str:
    return f'\n[[{kind}]]\nzone = "{zone}"\naddresses = ["{HOST}:{OTHER_PORT}"]\n'


CHANGES: Final = (
    Change(
        "forwards",
        tables=_zone("forward", "corp.example.net"),
        proof=Proof("host.corp.example.net", OTHER, USUAL),
    ),
    Change(
        "stubs",
        tables=_zone("stub", "lan.example.net"),
        proof=Proof("host.lan.example.net", OTHER, USUAL),
    ),
    Change(
        "clients",
        keys=(("server.allow_from", f'["{HOST}/32", "{GUEST}/32", "{STRANGER}/32"]'),),
        proof=Proof("n1.example.com", USUAL, REFUSED, source=STRANGER),
    ),
    Change(
        "lists",
        tables='\n[[block]]\nname = "ads"\nsource = "ads.list"\n',
        proof=Proof("www.ads.example.net", BLOCKED, USUAL),
    ),
    Change(
        "views",
        tables=f'\n[[view]]\nname = "guests"\nclients = ["{GUEST}/32"]\nanswer = "refuse"\n',
        proof=Proof("n3.example.com", REFUSED, USUAL, source=GUEST),
    ),
    Change(
        "rewrite",
        tables='\n[[rewrite]]\nfrom = "*.eth"\nto = "*.eth.example.net"\n',
        proof=Proof("home.eth", "home.eth.example.net.", USUAL),
    ),
    Change(
        "limits",
        keys=(
            ("server.rate_limit", "1_000_000"),
            ("resolution.query_timeout", "4.5"),
            ("cache.max_ttl", "80_000"),
        ),
    ),
    Change(
        "listeners",
        keys=(("server.listen", f'["{HOST}:{PORT}", "{HOST}:{SECOND_PORT}"]'),),
        proof=Proof("n2.example.com", USUAL, SILENCE, port=SECOND_PORT),
    ),
    Change("log", keys=(("log.level", '"error"'),)),
    Change("nothing"),
)


def configuration(there: tuple[Change, ...], more: dict[str, str]) -> str:
    """The whole file with the lines of what is *there*, and *more* keys."""
    keys = USUALLY | more
    for change in there:
        keys |= dict(change.keys)
    lines = [f"{key} = {value}\n" for key, value in keys.items()]
    return "".join(lines) + _TABLES + "".join(change.tables for change in there)
