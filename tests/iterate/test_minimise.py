"""No server hears more of a name than it needs (RFC 9156)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.iterate.minimise import Minimiser
from resolver.limits import MINIMISE_ONE_LABEL, MINIMISE_STEPS
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.making import name, question


@pytest.mark.rfc("RFC 9156 §2.3")
def test_one_label_more_than_the_cut() -> None:
    minimiser = Minimiser(question("www.sub.example.com. AAAA"), is_enabled=True)
    assert minimiser.probe(names.ROOT).qname == name("com.")
    assert minimiser.probe(name("com.")).qname == name("example.com.")
    assert minimiser.probe(name("example.com.")).qname == name("sub.example.com.")
    assert minimiser.probe(name("sub.example.com.")) == minimiser.question


@pytest.mark.rfc("RFC 9156 §2.1")
def test_probes_hide_the_type() -> None:
    minimiser = Minimiser(question("www.example.com. TXT"), is_enabled=True)
    assert minimiser.probe(names.ROOT).qtype == RRType.NS


@pytest.mark.rfc("RFC 9156 §2.3")
def test_giving_up_asks_all_of_it() -> None:
    minimiser = Minimiser(question("a.b.c.d. A"), is_enabled=True)
    minimiser.give_up()
    assert minimiser.probe(names.ROOT) == minimiser.question


def _asked_sizes(asked: Question) -> list[int]:
    """Labels of each name asked on the way to *asked*, no cut being found; it comes last."""
    minimiser = Minimiser(asked, is_enabled=True)
    sizes = []
    while (probe := minimiser.probe(names.ROOT)) != asked:
        minimiser.advance(probe)
        sizes.append(names.count(probe.qname))
    return [*sizes, names.count(asked.qname)]


@pytest.mark.rfc("RFC 9156 §2.3")
@given(st.integers(min_value=1, max_value=120))
def test_ten_steps_reach_any_name(depth: int) -> None:
    """A name of 120 labels below one cut must not cost 120 queries."""
    asked = Question(names.from_labels((b"x",) * depth), RRType.A)
    assert len(_asked_sizes(asked)) <= MINIMISE_STEPS


@pytest.mark.reaches("MINIMISE_STEPS", "MINIMISE_ONE_LABEL")
@pytest.mark.rfc("RFC 9156 §2.3")
def test_the_first_steps_are_of_one_label_and_the_last_reaches_the_name() -> None:
    sizes = _asked_sizes(Question(names.from_labels((b"x",) * 120), RRType.A))
    assert sizes[:MINIMISE_ONE_LABEL] == list(range(1, MINIMISE_ONE_LABEL + 1))
    assert sizes[MINIMISE_ONE_LABEL] > MINIMISE_ONE_LABEL + 1
    assert len(sizes) == MINIMISE_STEPS
