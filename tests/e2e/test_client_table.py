"""The table of clients: what counts as right in it, and that every client here is answered so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.clients import __main__ as bench
from bench.clients.cases import (
    ADDRESS,
    ANSWER,
    BIG,
    DENIAL,
    LARGEST,
    SIGNED,
    TRUNCATED,
    Told,
    what_is_wrong,
)
from bench.clients.programs import Client, NotHad
from bench.clients.served import serving
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from pathlib import Path

    from bench.clients.cases import Case
    from bench.clients.served import Served

A = {"A": frozenset({ADDRESS})}
SIGNATURE = {"RRSIG": frozenset({"A 13 3 300"})}


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (ANSWER, Told("NOERROR", A)),
        (DENIAL, Told("NXDOMAIN", {})),
        (TRUNCATED, Told("NOERROR", {"TXT": frozenset(map(str, range(BIG)))})),
        (SIGNED, Told("NOERROR", {**A, **SIGNATURE}, is_secure=True)),
    ],
)
def test_what_is_right(case: Case, told: Told) -> None:
    assert what_is_wrong(case, told) == ""


@pytest.mark.parametrize(
    ("case", "told", "said"),
    [
        (ANSWER, Told("SERVFAIL", {}), "SERVFAIL, not NOERROR"),
        (ANSWER, Told("NOERROR", {}), "0 records, not 1"),
        (ANSWER, Told("NOERROR", {"A": frozenset({"192.0.2.1"})}), "192.0.2.1, not"),
        (DENIAL, Told("NOERROR", {}), "NOERROR, not NXDOMAIN"),
        (LARGEST, Told("NOERROR", {"TXT": frozenset({"1"})}), "1 records, not"),
        (SIGNED, Told("NOERROR", A, is_secure=True), "no RRSIG"),
        (SIGNED, Told("NOERROR", {**A, **SIGNATURE}), "no AD"),
    ],
)
def test_what_is_wrong_is_said(case: Case, told: Told, said: str) -> None:
    assert said in what_is_wrong(case, told)


def test_the_table_shows_what_failed_and_who_was_not_asked(tmp_path: Path) -> None:
    def fails(_: Served, case: Case) -> Told:
        raise NotHad(f"no | {case.rtype}")

    with serving(tmp_path) as it:
        clients = [
            Client("one", Transport.UDP, fails, cases=(ANSWER,), note="it is odd"),
            Client("two", Transport.TLS, fails, "no-such-program"),
        ]
        found, missing = bench.rows(it, clients)
    assert [row.cells for row in found] == [("no / A", "–", "–", "–", "–")]
    assert not found[0].is_right
    assert "it is odd" in bench.table(found)
    assert missing == {"two (tls)": "not installed"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_client_is_answered_rightly(tmp_path: Path) -> None:
    """Each over each transport that it has."""
    tmp_path.chmod(0o755)
    with serving(tmp_path) as it:
        found, _ = bench.rows(it, bench.all_clients())
    assert {row.transport for row in found} == set(it.ports)
    assert [row for row in found if not row.is_right] == []
