"""The table of RFC requirements says only what tests prove."""

from __future__ import annotations

from tests import conformance, opposites


def test_every_row_that_holds_is_proved() -> None:
    assert conformance.complaints(conformance.rows(), conformance.proofs()) == []


def test_the_document_says_so_too() -> None:
    """`python -m tests.conformance --write` prints it anew."""
    document = conformance.DOCUMENT.read_text()
    assert conformance.staleness(document, conformance.rows(), conformance.proofs()) == []


def test_a_row_without_proof_is_noticed() -> None:
    row = conformance.Row("g", "RFC 1", "must", "something", "holds", ("RFC 1 §1",))
    assert conformance.complaints([row], conformance.Proofs())
    proved = conformance.Proofs()
    proved.add("1 §1", "tests/test_x.py::test_y")
    assert conformance.complaints([row], proved) == []


def test_every_citation_is_listed_once() -> None:
    cites = [row.cite for row in conformance.rows()]
    assert len(set(cites)) == len(cites)


def test_every_opposite_is_of_a_row_that_holds() -> None:
    """Whether tests notice them is for `python -m tests.opposites` to say: it takes minutes."""
    held = {row.cite for row in conformance.rows() if row.status == "holds"}
    planted = [opposite.cite for opposite in opposites.opposites()]
    assert len(planted) == len(set(planted))
    assert set(planted) <= held
    changes = [one for opposite in opposites.opposites() for one in opposite.changes]
    assert all(change.find != change.put for change in changes)


def test_every_opposite_is_still_to_be_planted() -> None:
    """Code that moved leaves an opposite that changes nothing, and a row that nobody checks."""
    stale = [
        (opposite.cite, change.find)
        for opposite in opposites.opposites()
        for change in opposite.changes
        if (conformance.PROJECT / change.file).read_text().count(change.find) != 1
    ]
    assert stale == []


def test_every_row_that_holds_has_an_opposite() -> None:
    held = {row.cite for row in conformance.rows() if row.status == "holds"}
    assert held == {opposite.cite for opposite in opposites.opposites()}
