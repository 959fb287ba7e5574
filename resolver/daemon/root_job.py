"""What the daemon and the process that fetches the root zone tell each other, as JSON."""

from __future__ import annotations

import msgspec

from resolver.dnssec.algorithms import Sha1Policy


class Job(msgspec.Struct, frozen=True):
    """What is to be fetched. *sources*: addresses and ports; *leave_from*: our own addresses.

    *ds* and *keys*: the root's trust anchors. *wall*: Unix seconds, at least that where it is not
    *is_exact*; *dated*: the same as the daemon reckons the file's age. *held*: the serial that must
    not be gone behind. *directory*: a descriptor.
    """

    sources: list[tuple[str, int]]
    leave_from: list[str]
    ds: list[bytes]
    keys: list[bytes]
    sha1: Sha1Policy
    wall: float
    is_exact: bool
    dated: float
    held: int | None
    directory: int
    parent: int


class Outcome(msgspec.Struct):
    """What came of it: the *serial* that is kept now, None if nothing; *source*: where from.

    *octets* received and seconds of CPU, in vain ones included; *peak_octets* of memory;
    *troubles*: a sentence a source.
    """

    serial: int | None = None
    source: str = ""
    octets: int = 0
    cpu_s: float = 0.0
    peak_octets: int = 0
    troubles: list[str] = []
