"""Errors of the path: what failed, and whose fault it is.

Expected outcomes (a referral, a lame server, bogus data) are values, not exceptions; see `model`.
"""

from __future__ import annotations

import errno
from enum import Enum
from typing import Final, NamedTuple


class Ede(NamedTuple):
    """Extended DNS error (RFC 8914)."""

    code: int
    text: str = ""


class ResolverError(Exception):
    """Base of every error that this package raises on purpose."""


class WireError(ResolverError):
    """The octets are not a DNS message: FORMERR to a client, silence towards a server."""


class ExchangeFailed(ResolverError):
    """No server of one zone cut gave a usable reply; the reasons say why, one per server.

    *asked*: the addresses that had their chance.
    """

    def __init__(
        self, message: str, *, ede: tuple[Ede, ...] = (), asked: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(message)
        self.ede = ede
        self.asked = asked


class ResolutionFailed(ResolverError):
    """The question cannot be answered now: SERVFAIL with *ede* (RFC 8914).

    *way*: the aliases that led to what failed, for who judges names on the way.
    """

    def __init__(self, message: str, *, ede: tuple[Ede, ...] = ()) -> None:
        super().__init__(message)
        self.ede = ede
        self.way: tuple[object, ...] = ()

    def again(self) -> ResolutionFailed:
        """The same without its traceback, to be kept: one that is kept holds the frames of its way,
        and those hold it, until the garbage collector comes."""
        return type(self)(str(self), ede=self.ede)


class Withheld(ResolutionFailed):
    """Nothing was found out, for a reason of ours that all who ask the same share.

    Says nothing about anybody, so the failure is never remembered; who waits for the same question
    fails with it.
    """


class LinkDown(Withheld):
    """Nobody on this way out can be reached: it is our link that is down, not the zone."""


class ZoneCrowded(Withheld):
    """Too many questions wait already for a zone's servers, which do not answer."""


class WorkExceeded(ResolutionFailed):
    """A limit of `limits` ended the work; *limit* is its name.

    Says nothing about the zone, so the failure is never cached (docs/architecture.md, rule 11).
    """

    def __init__(self, limit: str, *, ede: tuple[Ede, ...] = ()) -> None:
        super().__init__(f"limit {limit} reached", ede=ede)
        self.limit = limit

    def again(self) -> WorkExceeded:
        """See above."""
        return WorkExceeded(self.limit, ede=self.ede)


class TlsFailed(ResolverError):
    """No TLS connection came about.

    *reason*: why, in OpenSSL's words, of which the number is fixed; or "timed out", "connection
    lost", "closed by the other end".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CertificateRefused(TlsFailed):
    """The other end's certificate is not to be believed: *code*, *text* are OpenSSL's verdict."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"certificate verify failed: {text}")
        self.code = code
        self.text = text


class Kind(Enum):
    """What is wrong with a value of the configuration: the words between it and what is right.

    SHORT: not with a value, but the system grants too little of something.
    """

    VALUE = "is not allowed; expected"
    TYPE = "is {}; expected"
    KEY = "no such key; {}"
    ABSENT = "a value must be given: {}"
    MISSING = "is not there; expected"
    DENIED = "is not permitted; expected"
    IN_USE = "is in use; expected"
    NOT_YET = "is not in this version; expected"
    FORM = "is not TOML:"
    SHORT = "{}"
    FOREIGN = "this is no configuration of ours: {}"

    __hash__ = object.__hash__


class ConfigError(ResolverError):
    """A configuration value cannot be used. *place*: file and line, as far as they are known."""

    def __init__(
        self,
        where: str,
        value: object,
        expected: str,
        *,
        kind: Kind = Kind.VALUE,
        place: str = "",
    ) -> None:
        self.where = where
        self.value = value
        self.expected = expected
        self.kind = kind
        self.place = place
        super().__init__(": ".join(filter(None, (place, where, self._sentence()))))

    def _sentence(self) -> str:
        if self.kind in _ABOUT_NO_VALUE:
            return self.kind.value.format(self.expected)
        words = self.kind.value.format(_noun(self.value))
        return f"{_shortly(self.value)} {words} {self.expected}"

    def at(self, place: str, where: str | None = None) -> ConfigError:
        """The same, of *place*; of *where*, if that is said."""
        key = self.where if where is None else where
        return ConfigError(key, self.value, self.expected, kind=self.kind, place=place)


_ABOUT_NO_VALUE: Final = frozenset({Kind.KEY, Kind.ABSENT, Kind.FOREIGN, Kind.SHORT})


def unusable_file(where: str, value: object, wanted: str, error: OSError) -> ConfigError:
    """What the system says of a file that the configuration names: *wanted* is what it should be.

    The one place that decides which kind of trouble that is.
    """
    kind = _FILE_TROUBLE.get(error.errno or 0, Kind.VALUE)
    expected = wanted if kind is Kind.MISSING else f"{wanted} ({error.strerror or error})"
    return ConfigError(where, value, expected, kind=kind)


_FILE_TROUBLE: Final = {
    errno.ENOENT: Kind.MISSING,
    errno.EACCES: Kind.DENIED,
    errno.EPERM: Kind.DENIED,
}


def _noun(value: object) -> str:
    """What *value* is, to somebody who writes TOML."""
    nouns = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
    nouns |= {list: "a list", dict: "a table"}
    return nouns.get(type(value), "a time")


def _shortly(value: object) -> str:
    """*value* as it would be written, or its beginning: a line is read by people."""
    if isinstance(value, dict):
        return "this"
    value = list(value) if isinstance(value, tuple) else value  # TOML knows no other brackets
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_SHOWN: Final = 200  # characters of a value that an error shows


class CannotStart(ResolverError):
    """Nothing is wrong with the configuration, but what it asks for cannot be had just now.

    *problems*: what of the configuration it is that cannot be had, if it is something in it.
    """

    def __init__(self, message: str, problems: tuple[ConfigError, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


def drop_frames(error: BaseException | None) -> None:
    """Let go of the frames that *error* and its causes hold, where it is dealt with.

    In Python 3.13 one of them, of contextlib's, holds the cause in turn: a cycle for each stream
    that breaks, until a collector comes.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


class StoreFailed(ResolverError):
    """What outlives the process cannot be read or written now; the sentence says why."""


class StoreDamaged(StoreFailed):
    """Its file is no database, or not a whole one: it is set aside and begun anew."""


class StoreForeign(StoreFailed):
    """Its file is whole, and not ours to touch."""


class SharedFailed(StoreFailed):
    """What machines share cannot be asked or written now; the sentence says why."""
