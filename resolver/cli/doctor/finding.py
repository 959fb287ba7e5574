"""What a judgement comes to: something is wrong, worth a note, fine, or nobody can tell."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """*TROUBLE* counts for the exit status; what is UNKNOWN is said, with why."""

    TROUBLE = "trouble"
    NOTE = "note"
    FINE = "fine"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """*about*: one word for programs and lists; *title*: a sentence without its full stop.

    *seen*: the evidence, a line each; *advice*: what to do about it, likewise.
    """

    about: str
    level: Level
    title: str = ""
    seen: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def trouble(about: str, title: str, seen: tuple[str, ...], *advice: str) -> Finding:
    return Finding(about, Level.TROUBLE, title, seen, advice)


def note(about: str, title: str, seen: tuple[str, ...], *advice: str) -> Finding:
    return Finding(about, Level.NOTE, title, seen, advice)


def fine(about: str) -> Finding:
    return Finding(about, Level.FINE)


def unknown(about: str, why: str) -> Finding:
    return Finding(about, Level.UNKNOWN, why)
