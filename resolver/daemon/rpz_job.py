"""What the daemon and the process that reads policy zones tell each other, as JSON."""

from __future__ import annotations

import msgspec


class Primary(msgspec.Struct, frozen=True):
    """A server to transfer from. *auth_name*: what its certificate must prove, over TLS."""

    host: str
    port: int
    is_tls: bool = False
    auth_name: str = ""


class Job(msgspec.Struct, frozen=True):
    """A zone to be made a table of. *file*: its text; "" where it is transferred from *primaries*.

    *size*: octets of it. *held*: a descriptor of the table that is in use, -1: there is none;
    *out*: where to write to.
    *directory*: of `working_directory`, where the table is kept as *kept_as*; -1: nowhere.
    *tsig*: algorithm, name and secret, or nothing. *authorities*, *pins*: who is believed over TLS.
    """

    zone: str
    file: str
    most: int
    out: int
    parent: int
    primaries: list[Primary] = []
    tsig: list[str] = []
    authorities: str | None = None
    pins: list[str] = []
    held: int = -1
    directory: int = -1
    kept_as: str = ""
    leave_from: list[str] = []
    wall: float = 0.0
    weight: int = 15
    size: int = 0


class Outcome(msgspec.Struct):
    """What came of it. *way*: "file", "axfr", "ixfr", "same" (there is nothing newer) or "" (none,
    *troubles* say why). *primary*: who had it."""

    way: str = ""
    troubles: list[str] = []
    primary: str = ""
    is_ours: bool = False
    octets: int = 0
    cpu_s: float = 0.0
    peak_octets: int = 0
