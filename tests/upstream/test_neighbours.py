"""Which servers are witnesses for what is on our side of a cut."""

from __future__ import annotations

import math
import random

import pytest

from resolver import limits
from resolver.model import Question, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import from_text
from resolver.upstream.infra import Infra
from resolver.upstream.neighbours import Neighbours, Witness
from resolver.upstream.way import Way

ZONE = from_text("example.com.")
MOST = limits.OUTAGE_NEIGHBOURS


class Town:
    """Servers that answer, each after so many seconds."""

    def __init__(self) -> None:
        self.infra = Infra(rng=random.Random(0))
        self.neighbours = Neighbours()

    def answers(self, host: str, rtt_s: float, label: str = "www") -> None:
        server = Server(host)
        state = self.infra.state(server)
        state.note_answer(rtt_s, now=1.0)
        question = Question(from_text(f"{label}.example.com."), RRType.A)
        if state.srtt < self.neighbours.far_s:
            self.neighbours.note(Witness(server, state, question, ZONE))

    @property
    def hosts(self) -> list[str]:
        return [one.server.host for one in self.neighbours]


@pytest.mark.reaches("OUTAGE_NEIGHBOURS")
def test_the_nearest_are_kept() -> None:
    """Whatever the order in which they answer; of one prefix only the last."""
    town = Town()
    for number in (5, 1, 9, 3, 2, 8, 4):
        town.answers(f"198.51.{number}.1", number / 100)
    assert town.hosts == [f"198.51.{number}.1" for number in range(1, MOST + 1)]
    assert town.neighbours.far_s == pytest.approx(MOST / 100)
    town.answers("198.51.1.2", 0.02)
    assert town.hosts[0] == "198.51.1.2"
    assert len(town.hosts) == MOST


def test_it_is_asked_what_it_answered_last() -> None:
    town = Town()
    town.answers("198.51.1.1", 0.01)
    town.answers("198.51.1.1", 0.01, "mail")
    (witness,) = town.neighbours
    assert witness.question.qname == from_text("mail.example.com.")


def test_who_is_silent_while_others_answer_makes_room() -> None:
    town = Town()
    for number in range(1, MOST + 1):
        town.answers(f"198.51.{number}.1", number / 100)
    town.infra.state(Server("198.51.1.1")).note_silence(ZONE, 2.0, 3.0)
    town.neighbours.forget_silent()
    assert town.hosts == [f"198.51.{number}.1" for number in range(2, MOST + 1)]
    assert town.neighbours.far_s == math.inf


def test_a_forward_has_none() -> None:
    """The operator named its servers: they are all its witnesses."""
    assert Way(ZONE).neighbours.far_s < 0
    assert Way(None).neighbours.far_s == math.inf
