"""`python -m bench.signed.beside`: what is rare, asked of our daemon and of four others.

NSEC3 with many iterations, keys that share their tag, CDS and CDNSKEY: a line a question, a column
a resolver, each with its defaults. Needs root, iproute2, and Debian's unbound, bind9,
knot-resolver, pdns-recursor, nsd and knot.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.signed import ask, compare, daemons, signed_world
from bench.signed.__main__ import NEEDED
from bench.signed.catalogue import PLAIN, Entry, entries
from bench.signed.keys import Key, colliding
from bench.signed.questions import Asked
from bench.signed.zone import Recipe, usual
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator

ITERATIONS = (1, 50, 100, 150, 151, 500, 2500)
COLLISIONS = (2, 3, 4, 5, 6)
TAGS = {count: f"tag{count}.nsec." for count in COLLISIONS}
CHILD, DELETED = "cds.nsec.", "cdsdelete.nsec."
_CDS = (
    "@ CDS 12345 13 2 " + "ab" * 32,
    "@ CDNSKEY 257 3 13 " + "q6ur" * 21 + "qw==",
    "below CDS 12345 13 2 " + "cd" * 32,
    "below CDNSKEY 257 3 13 " + "q6ur" * 21 + "qw==",
)
_DELETE = ("@ CDS 0 0 0 00", "@ CDNSKEY 0 3 0 AA==")  # RFC 8078 §4


def listed() -> list[Entry]:
    """The zones that are asked about, and those above them."""
    wanted = [entry for entry in entries() if entry.apex.count(".") == 1 or _is_hashed(entry.apex)]
    return [
        *wanted,
        *(Entry(apex, _of_one_tag(count), PLAIN) for count, apex in TAGS.items()),
        Entry(CHILD, usual(13), PLAIN, more=_CDS),
        Entry(DELETED, usual(13), PLAIN, more=_DELETE),
        Entry("cds.plain.", None, PLAIN, more=_CDS),
    ]


def _is_hashed(apex: str) -> bool:
    return apex.startswith(("it", "opt1", "insec.opt1", "sec.opt1", "a13.nsec."))


def _of_one_tag(count: int) -> Recipe:
    """A key signing key, and so many zone signing keys of one tag, the last of which signs."""
    ksk, keys = Key(13, 1), colliding(count)
    return Recipe((ksk, *keys), signing=(keys[-1],), ksks=(ksk,), ds=lambda apex: [ksk.ds(apex)])


def questions() -> Iterator[Asked]:
    for count in ITERATIONS:
        yield Asked(f"nothing.it{count}.hash.", "A", "do")
    for count in ITERATIONS:
        yield Asked(f"www.it{count}.hash.", "MX", "do")
    yield Asked("x.wild.it151.hash.", "A", "do")
    for count in (150, 151):
        yield Asked(f"www.insec.opt{count}.hash.", "A", "do")
        yield Asked(f"insec.opt{count}.hash.", "DS", "do")
        yield Asked(f"www.sec.opt{count}.hash.", "A", "do")
    for apex in TAGS.values():
        yield Asked(f"www.{apex}", "A", "do")
    for apex in (CHILD, DELETED, "cds.plain.", f"below.{CHILD}", f"www.{CHILD}"):
        yield Asked(apex, "CDS", "do")
        yield Asked(apex, "CDNSKEY", "do")


# The table's columns: which software, and where it listens.
COLUMNS = {
    "ours": ("ours", "127.0.0.1"),
    "unbound": ("unbound", "127.0.0.2"),
    "bind": ("named", "127.0.0.3"),
    "knot": ("kresd", "127.0.0.4"),
    "powerdns": ("pdns", "127.0.0.5"),
}


def brief(seen: compare.Seen) -> str:
    """rcode, AD, how many records, the extended error."""
    code = f" ede {seen.ede_code}" if seen.ede_code is not None else ""
    kinds = {rtype for _, rtype, _ in seen.records} - {"RRSIG"}
    return f"{seen.rcode}{' AD' if seen.ad else ''}{' ' + ','.join(kinds) if kinds else ''}{code}"


def main() -> int:
    if reason := netns.missing(*NEEDED, "named", "kresd", "pdns_recursor"):
        print(f"beside: {reason}", file=sys.stderr)
        return 2
    asked = list(questions())
    with signed_world.running(listed()) as it:
        columns: dict[str, list[str]] = {}
        for name, (software, address) in COLUMNS.items():
            program = daemons.start(it, software, address)
            replies = ask.ask_all(it.client, address, [one.wire() for one in asked], window=4)
            columns[name] = [brief(compare.seen(reply)) for reply in replies]
            program.stop()
    print(f"| question | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for at, one in enumerate(asked):
        row = " | ".join(column[at] for column in columns.values())
        print(f"| {one.name} {one.rtype} | {row} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
