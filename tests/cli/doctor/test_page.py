"""The page for people, and the same for programs."""

from __future__ import annotations

import json

from resolver.cli.doctor import page
from resolver.cli.doctor.finding import fine, note, trouble, unknown

FINDINGS = [
    fine("clock"),
    trouble("tcp", "DNS over TCP is stopped", ("3 refused",), "let it out", "or not"),
    note("port", "another has it", ()),
    unknown("portal", "not asked"),
    fine("link"),
]


def test_what_is_wrong_stands_first() -> None:
    assert page.as_text(FINDINGS).splitlines() == [
        "1. DNS over TCP is stopped.",
        "   seen  3 refused",
        "   do    let it out",
        "   do    or not",
        "",
        "Note: another has it.",
        "",
        "Fine: clock, link.",
        "Not known: portal: not asked.",
        "1 thing is wrong.",
    ]


def test_where_nothing_is_wrong_the_last_line_says_so() -> None:
    assert page.as_text([fine("clock")]) == "Fine: clock.\nNothing is wrong."


def test_programs_get_the_same() -> None:
    document = json.loads(page.as_json(FINDINGS))
    assert document["wrong"] == 1
    assert document["findings"][1] == {
        "about": "tcp",
        "level": "trouble",
        "title": "DNS over TCP is stopped",
        "seen": ["3 refused"],
        "advice": ["let it out", "or not"],
    }
