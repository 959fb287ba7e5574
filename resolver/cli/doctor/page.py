"""The page: what is wrong first, with what was seen and what to do; then what is fine. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from resolver.cli.doctor.finding import Level
from resolver.runtime.inert import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.cli.doctor.finding import Finding


def as_text(findings: Sequence[Finding]) -> str:
    """For people."""
    return "\n".join(map(inert, _lines(findings)))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    wrong = _of(findings, Level.TROUBLE)
    for number, each in enumerate(wrong, start=1):
        yield f"{number}. {_capital(each.title)}."
        yield from _evidence(each)
        yield ""
    for each in _of(findings, Level.NOTE):
        yield f"Note: {each.title}."
        yield from _evidence(each)
        yield ""
    well = [each.about for each in _of(findings, Level.FINE)]
    yield f"Fine: {', '.join(well) or 'nothing that could be looked at'}."
    for each in _of(findings, Level.UNKNOWN):
        yield f"Not known: {each.about}: {each.title}."
    count = len(wrong)
    things = "1 thing is" if count == 1 else f"{count} things are" if count else "Nothing is"
    yield f"{things} wrong."


def _evidence(each: Finding) -> Iterator[str]:
    for head, lines in (("seen", each.seen), ("do  ", each.advice)):
        for line in lines:
            yield f"   {head}  {line}"


def as_json(findings: Sequence[Finding]) -> str:
    """For programs: the same, in one object."""
    told = [
        {
            "about": each.about,
            "level": each.level.value,
            "title": each.title,
            "seen": each.seen,
            "advice": each.advice,
        }
        for each in findings
    ]
    return json.dumps({"wrong": len(_of(findings, Level.TROUBLE)), "findings": told}, indent=2)


def _of(findings: Sequence[Finding], level: Level) -> list[Finding]:
    return [each for each in findings if each.level is level]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
