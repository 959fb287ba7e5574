"""What a line of a list comes to: which names it is about, and what is done to them.

Names are lower-cased wire octets *without* the root's last zero, so that the root is b"" and no
octet is spent on it a million times. An address is MARK and its octets, which no name begins with.
Pure.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple, Protocol

import msgspec

Key = bytes
MARK: Final = b"\xff"


class Reach(enum.IntEnum):
    """Which names a listed one stands for."""

    EXACT = 0
    AND_BELOW = 1
    BELOW = 2
    SPECIAL = 3  # in a compiled list: there is more to say, elsewhere


class Rewrite(msgspec.Struct, frozen=True, array_like=True):
    """What is told instead: a code, and rdata of one type; *rtype* 0: the code alone.

    *is_off*: rewrites are switched off (`@@||name^$dnsrewrite`), this one or, without rtype, all.
    """

    rcode: int = 0
    rtype: int = 0
    rdata: bytes = b""
    is_off: bool = False


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """When a rule counts, and more of what it does.

    *types*, *not_types*: record types asked for. *except_below*: names at and below which it does
    not count. *clients*, *not_clients*: addresses, networks or names of views.
    """

    types: tuple[int, ...] = ()
    not_types: tuple[int, ...] = ()
    except_below: tuple[bytes, ...] = ()
    clients: tuple[str, ...] = ()
    not_clients: tuple[str, ...] = ()
    rewrite: Rewrite | None = None


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """One rule, from *line* of the list numbered *number*. *pattern*: a regular expression that is
    searched for in the name's text, in the place of *key*."""

    key: bytes
    reach: int
    line: int
    number: int = 0
    allows: bool = False
    is_important: bool = False
    terms: Terms | None = None
    pattern: str = ""


class Bad(Exception):  # not an error of the program: a line that is none
    """A line says nothing that can be done; the sentence says why."""


class Aside(Exception):
    """A line is right, but not for a resolver: it hides elements of pages, or looks at URLs."""


class Sink(Protocol):
    """Who takes what was read."""

    def plain(self, key: Key, labels: list[bytes], reach: int, line: int) -> None:
        """A name without conditions. *labels*: of *key*, as they were split."""

    def special(self, rule: Rule) -> None:
        """Anything else."""


LENGTHS: Final = tuple(bytes([size]) for size in range(256))
_LONGEST_NAME: Final = 254  # without the root
_LONGEST_LABEL: Final = 63
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


class Terse(NamedTuple):
    """A name as key, and split."""

    key: Key
    labels: list[bytes]


def key_of(text: str) -> Terse:
    """The key of a name as lists have it, with or without its last dot. Raises Bad.

    International names become A-labels (RFC 5891, UTS 46). What else is above ASCII, or is no
    letter, digit, hyphen or underscore, is no name of a host, and nothing that lists hold.
    """
    text = text.removesuffix(".").lower()
    if not text.isascii():
        text = _a_labels(text)
    labels = text.encode("ascii").split(b".")
    for label in labels:
        if not label:
            raise Bad("a label is empty")
        if len(label) > _LONGEST_LABEL:
            raise Bad("a label is longer than 63 octets")
        if not _PLAIN.issuperset(label):
            raise Bad("no domain name")
    key = b"".join([LENGTHS[len(label)] + label for label in labels])
    if len(key) > _LONGEST_NAME:
        raise Bad("a name is longer than 255 octets")
    return Terse(key, labels)


def _a_labels(text: str) -> str:
    import idna  # noqa: PLC0415 - in the child that compiles, where a list has such names

    try:
        return idna.encode(text, uts46=True, transitional=False).decode("ascii")
    except (ValueError, IndexError) as error:
        raise Bad(f"no international domain name ({error})") from None


def text_of(key: Key) -> str:
    """The name of *key* without its last dot, "." for the root; an address as it is written."""
    if key[:1] == MARK:
        return ".".join(map(str, key[1:])) if len(key) == 5 else key[1:].hex(":", 2)  # noqa: PLR2004
    labels, at = [], 0
    while at < len(key):
        labels.append(key[at + 1 : at + 1 + key[at]].decode("latin-1"))
        at += key[at] + 1
    return ".".join(labels) or "."
