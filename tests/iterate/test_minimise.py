"""No server hears more of a name than it needs (RFC 9156)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.iterate.minimise import Minimiser
from resolver.limits import MINIMISE_STEPS
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


@pytest.mark.rfc("RFC 9156 §2.3")
@given(st.integers(min_value=1, max_value=120))
def test_ten_steps_reach_any_name(depth: int) -> None:
    """A name of 120 labels below one cut must not cost 120 queries."""
    asked = Question(names.from_labels((b"x",) * depth), RRType.A)
    minimiser = Minimiser(asked, is_enabled=True)
    steps = 1
    while (probe := minimiser.probe(names.ROOT)) != asked:
        minimiser.advance(probe)
        steps += 1
    assert steps <= MINIMISE_STEPS + 1
