"""What the daemon and the process that compiles lists tell each other, as JSON."""

from __future__ import annotations

import msgspec


class ListPart(msgspec.Struct, frozen=True):
    """One list. *fresh*, *kept*: descriptors of its newest text, and of the one that was last good;
    -1: there is none. *digests* of these. *must_list*: an empty one is none."""

    ident: str
    name: str
    is_allow: bool
    form: str
    as_listed: bool
    fresh: int
    kept: int
    digests: tuple[str, str]
    must_list: bool = False


class FetchJob(msgspec.Struct, frozen=True):
    """One step of a download: *url*, at one of *addresses*. *out*: where to. *etag*, *modified*:
    of the text that is there."""

    url: str
    addresses: list[str]
    out: int
    parent: int
    etag: str = ""
    modified: str = ""


class Fetched(msgspec.Struct):
    """What came of it: a text of so many *octets* with its *digest*, *is_same* (it is as it was),
    another place to look at (*redirect*), or a *trouble*."""

    octets: int = 0
    digest: str = ""
    etag: str = ""
    modified: str = ""
    is_same: bool = False
    redirect: str = ""
    trouble: str = ""


class CompileJob(msgspec.Struct, frozen=True):
    """*out*: the descriptor to write to. *weight*: of nice(2)."""

    lists: list[ListPart]
    out: int
    parent: int
    weight: int = 19


class Compiled(msgspec.Struct):
    """What came of it. *refused*: of each list whose fresh text is none, why, by its ident;
    *trouble*: why there is no compiled file. *bad*: for people, of each list with bad lines."""

    refused: dict[str, str] = {}
    bad: dict[str, list[str]] = {}
    names: int = 0
    left_out: int = 0
    octets: int = 0
    cpu_s: float = 0.0
    peak_octets: int = 0
    trouble: str = ""
