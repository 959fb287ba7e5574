"""The state machine of one question at one zone cut, without a network: events in, actions out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, get_args

import pytest

from resolver import limits
from resolver.budget import QueryBudget, Share
from resolver.errors import ExchangeFailed, LinkDown, WorkExceeded
from resolver.model import Delegation, Question, Server, Verdict
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.upstream import cut_actions as do
from resolver.upstream import cut_query
from resolver.upstream.compose import Composer
from resolver.upstream.cut_actions import OVER, State
from resolver.upstream.cut_query import TABLE, CutQuery, IllegalStep
from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.filters import AddressFilter
from resolver.upstream.infra import Infra
from resolver.upstream.request import Reply, Request
from resolver.upstream.select import Candidate
from resolver.upstream.settings import Outgoing
from resolver.upstream.shared_knowledge import SharedKnowledge
from resolver.upstream.transmission import Transmission
from resolver.upstream.way import Way
from tests.upstream.virtual_servers import answer, by_rcode, no_more

if TYPE_CHECKING:
    from resolver.upstream.cut_actions import Action, Event
    from resolver.upstream.transmission import Slot

ZONE = from_text("example.com")
QUESTION = Question(from_text("www.example.com"), RRType.A)
A, B, C = "198.51.100.1", "203.0.113.1", "192.0.2.1"
EVENTS = frozenset(kind for kind in get_args(do.Event))


class Wire:
    """What is on its way of others: nothing, unless a test says so."""

    def __init__(self) -> None:
        self.is_busy = False
        self.is_full = False
        self.has_room = True
        self.slots: dict[Slot, Transmission] = {}

    def find(self, slot: Slot, now: float) -> Transmission | None:
        packet = self.slots.get(slot)
        return None if packet is None or packet.is_overdue(now) else packet


class Case:
    """A cut query of its own, and the time."""

    def __init__(self, *hosts: str, known: tuple[str, ...] = (), **changes: Any) -> None:
        names = [from_text(f"ns{at}.example.net") for at in range(len(hosts))]
        servers = [Server(host, 53, name) for host, name in zip(hosts, names, strict=True)]
        glue = {one.nameserver: (one,) for one in servers}
        is_last_word = bool(changes.pop("is_last_word", False))
        delegation = Delegation(ZONE, tuple(names), glue, is_last_word=is_last_word)
        self.now = 0.0
        self.wire = Wire()
        self.infra = Infra(rng=random.Random(1))
        for host in known:
            self.infra.note_answer(self.infra.state(Server(host)), 0.02, -1.0)
            self.infra.state(Server(host)).bears_mixing = True
        self.budget = QueryBudget(
            queries=20, ns_lookups=5, signature_checks=0, hashes=0, deadline=10.0
        )
        request = Request(QUESTION, delegation, by_rcode, no_more, Share(self.budget))
        settings = Outgoing()
        self.shared = SharedKnowledge(
            infra=self.infra,
            outstanding=self.wire,
            compose=Composer(self.infra, settings, rng=random.Random(2)),
            filters=AddressFilter(settings),
            dice=random.Random(3),
            speculation=bool(changes.pop("speculation", False)),
        )
        self.query = CutQuery(self.shared, request._replace(**changes), Way(None), self.now)

    def state(self) -> State:
        """A call, which no type checker takes for constant."""
        return self.query.state

    def step(self, event: Event, *, after_s: float = 0.0) -> list[Action]:
        """All that is to be done, what an outcome leads to included."""
        self.now += after_s
        done: list[Action] = []
        for action in self.query.step(event, self.now):
            if isinstance(action, do.OUTCOMES):
                assert self.state() is State.SENDING
                done += self.step(action)
            else:
                done.append(action)
        return done

    def replied(self, packet: Transmission, rcode: int = Rcode.NOERROR) -> list[Action]:
        """*packet* is answered 20 ms later."""
        self.query.attempts.on_its_way.remove(packet)
        message = parse_untrusted(answer(parse_untrusted(packet.sent.data), rcode=rcode))
        server, state, sent = packet.server, packet.state, packet.sent
        arrived = Arrived(server, state, message, Transport.UDP, 0.02, sent)
        return self.step(arrived, after_s=0.02)


def hosts(actions: list[Action]) -> list[str]:
    return [action.server.host for action in actions if isinstance(action, Transmission)]


def packet_of(actions: list[Action]) -> Transmission:
    return next(action for action in actions if isinstance(action, Transmission))


def wake(actions: list[Action]) -> float:
    """The last one counts."""
    return [action.at for action in actions if isinstance(action, do.WakeAt)][-1]


def kinds(actions: list[Action]) -> list[type]:
    return [type(action) for action in actions]


# --- the table ------------------------------------------------------------------------------------


def test_every_state_stands_in_the_table_and_can_be_reached() -> None:
    assert set(TABLE) == set(State)
    reached, fresh = {State.NEW}, {State.NEW}
    while fresh:
        fresh = {after for state in fresh for after in TABLE[state].becomes} - reached
        reached |= fresh
    assert reached == set(State)
    assert {state for state in State if not TABLE[state].becomes} == OVER


def test_every_event_is_heard_in_some_state_and_leads_somewhere() -> None:
    assert frozenset().union(*(row.hears for row in TABLE.values())) == EVENTS
    assert set(cut_query._LEADS_TO) == EVENTS


@pytest.mark.parametrize("state", State)
def test_what_the_table_does_not_have_is_a_bug_and_changes_nothing(state: State) -> None:
    for kind in EVENTS - TABLE[state].hears.keys():
        case = Case(A)
        case.query.state = state
        with pytest.raises(IllegalStep, match=f"{kind.__name__} in state {state.name}"):
            case.query.step(tuple.__new__(kind, ()), 0.0)
        assert case.state() is state


def test_a_step_to_where_none_leads_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def back(query: Any, _: object, __: float) -> None:
        query.state = State.NEW

    case = Case(A)
    case.step(do.BEGUN)
    monkeypatch.setitem(TABLE[State.ASKED].hears, do.Woken, back)
    with pytest.raises(IllegalStep, match="Woken: from ASKED to NEW"):
        case.step(do.WOKEN)


@pytest.mark.parametrize("state", [State.ANSWERED, State.FAILED, State.LEFT])
def test_what_comes_after_the_end_is_nobodys(state: State) -> None:
    """Only what was paid for a packet that never went out is given back."""
    case = Case(A, B)
    packet = packet_of(case.step(do.BEGUN))
    case.query.state = state
    for event in (do.WOKEN, do.OUTAGE_ENDED, do.Silent(packet), do.LookedUp(found_more=True)):
        assert case.query.step(event, 1.0) == []
    left = case.budget.queries
    assert case.query.step(do.Refused(packet, "ENETUNREACH"), 1.0) == []
    assert case.budget.queries == left + 1
    assert case.state() is state


# --- one by one -----------------------------------------------------------------------------------


def test_a_packet_a_reply_the_end() -> None:
    case = Case(A, B, known=(A,))
    first = case.query.step(do.BEGUN, 0.0)
    assert kinds(first) == [Transmission, do.Opened]
    assert case.state() is State.SENDING
    packet, opened = first
    assert isinstance(packet, Transmission)
    assert isinstance(opened, do.Opened)
    assert kinds(case.query.step(opened, 0.0)) == [do.WakeAt]
    assert case.state() is State.ASKED
    [reply] = case.replied(packet)
    assert isinstance(reply, Reply)
    assert (reply.server.host, reply.classified.verdict) == (A, Verdict.ANSWER)
    assert case.state() is State.ANSWERED


def test_strangers_race_and_the_loser_is_left_to_teach_alone() -> None:
    case = Case(A, B, C, speculation=True)
    sent = case.step(do.BEGUN)
    assert len(hosts(sent)) == limits.RACE_WIDTH
    winner, loser = case.query.attempts.on_its_way
    *_, left, reply = case.replied(winner)
    assert isinstance(left, do.Leave)
    assert loser in left.transmissions
    assert isinstance(reply, Reply)


def test_who_is_late_has_another_asked_beside_it() -> None:
    case = Case(A, B, known=(A, B), speculation=True)
    sent = case.step(do.BEGUN)
    more = case.step(do.WOKEN, after_s=wake(sent))
    assert sorted(hosts(sent) + hosts(more)) == sorted((A, B))
    assert wake(more) > case.now
    assert case.shared.counters.hedges == 1


def test_the_end_of_youth_is_one_moment_however_it_is_reckoned() -> None:
    """A timer that goes off at begun + 0.25, where now - begun is less than 0.25 by a bit.

    It must not set itself for that same moment again: it would for ever.
    """
    early, begun = limits.EARLY_SECONDS, 0.07432643497716498
    assert (begun + early) - begun < early
    case = Case(*(f"198.51.{at}.1" for at in range(8)), speculation=True)
    case.now = case.query.started = begun
    sent = case.step(do.BEGUN)
    while len(case.query.attempts.on_its_way) < limits.EARLY_COPIES:
        sent = case.step(do.WOKEN, after_s=wake(sent) - case.now)
    case.now = begun + early
    assert wake(case.step(do.WOKEN)) > begun + early


def test_what_the_kernel_refuses_costs_nothing_and_another_takes_its_place() -> None:
    case = Case(A, B, known=(A,))
    packet, _ = case.query.step(do.BEGUN, 0.0)
    assert isinstance(packet, Transmission)
    paid = case.budget.queries
    assert case.step(do.Refused(packet, "ENETUNREACH")) == [do.WakeAt(0.0)]
    assert case.budget.queries == paid + 1
    chosen = Candidate(0.0, 0.0, Server(A), case.infra.state(Server(A)), 0.0)
    assert case.step(do.Opened([chosen], [], is_speculative=False)) == []
    assert hosts(case.step(do.WOKEN)) == [B]


def test_without_an_address_one_is_looked_up_and_without_more_it_fails() -> None:
    case = Case()
    assert kinds(case.step(do.BEGUN)) == [do.LookUp, do.WakeAt]
    assert case.state() is State.STARVED
    case.step(do.LOOKUP_BEGUN)
    [fail] = case.step(do.LookedUp(found_more=False))
    assert isinstance(fail, do.Fail)
    assert isinstance(fail.error, ExchangeFailed)
    assert case.state() is State.FAILED


def test_a_bound_that_ends_the_look_up_is_not_the_zones_fault() -> None:
    case = Case()
    case.step(do.BEGUN)
    case.step(do.LOOKUP_BEGUN)
    exceeded = WorkExceeded("NS_LOOKUPS")
    assert case.step(do.LookedUp(found_more=False, error=exceeded)) == [do.Fail(exceeded)]


def test_the_budget_ends_it() -> None:
    case = Case(A)
    case.budget.queries = 0
    [fail] = case.step(do.BEGUN)
    assert isinstance(fail, do.Fail)
    assert isinstance(fail.error, WorkExceeded)


@pytest.mark.parametrize("is_open", [True, False])
def test_before_it_fails_it_is_asked_whose_fault_that_is(*, is_open: bool) -> None:
    case = Case(A, known=(A,), is_probe=True)
    refused = case.replied(packet_of(case.step(do.BEGUN)), Rcode.REFUSED)
    assert refused == [do.DoubtLink(is_last=True)]
    assert case.state() is State.UNDECIDED
    case.query.way.verdict_at = 1.0
    told = case.step(do.Doubted(is_open=is_open, is_last=True))
    assert kinds(told) == [do.WakeAt if is_open else do.Fail]
    assert case.state() is (State.UNDECIDED if is_open else State.FAILED)


def test_in_an_outage_packets_go_out_one_by_one_and_all_at_once_when_it_ends() -> None:
    case = Case(A, known=(A,))
    reach = case.query.way.reach
    reach.begin_outage()
    assert case.step(do.BEGUN) == [do.TRICKLE]
    assert hosts(case.step(do.TRICKLED)) == [A]

    second = CutQuery(case.shared, case.query.request, case.query.way, 0.0)
    assert kinds(second.step(do.BEGUN, 0.0)) == [do.Park, do.WakeAt]
    assert second.state is State.HELD
    reach.note_answer(case.infra.state(Server(A)), 0.1)
    assert hosts(second.step(do.OUTAGE_ENDED, 0.1)) == [A]


def test_an_outage_is_told_within_its_time_and_as_such() -> None:
    case = Case(A)
    case.query.way.reach.begin_outage()
    case.query.way.reach.take_trickle(0.0)
    case.step(do.BEGUN)
    [fail] = case.step(do.WOKEN, after_s=limits.OUTAGE_ASK_SECONDS)
    assert isinstance(fail, do.Fail)
    assert isinstance(fail.error, LinkDown)


def test_the_last_word_is_waited_for_as_long_as_the_client_waits() -> None:
    case = Case(A, known=(A,), is_last_word=True, is_probe=True)
    packet = packet_of(case.step(do.BEGUN))
    case.now = packet.expires_at
    case.step(do.Silent(packet))
    case.step(do.WOKEN)
    case.step(do.Doubted(is_open=False, is_last=False))
    told = case.step(do.Doubted(is_open=False, is_last=True))
    assert told == [do.WakeAt(case.query.give_up)]
    assert case.state() is State.PATIENT
    assert isinstance(case.replied(packet)[-1], Reply)


def test_a_truncated_reply_leads_to_the_same_server_over_tcp_and_that_to_another() -> None:
    case = Case(A, B, known=(A,))
    packet = packet_of(case.step(do.BEGUN))
    case.query.attempts.on_its_way.remove(packet)
    over, woken = case.step(do.Truncated(packet, 0.02), after_s=0.02)
    assert isinstance(over, do.OverTcp)
    assert over.server.host == A
    assert isinstance(woken, do.WakeAt)
    case.query.attempts.streams -= {packet.server.key}
    assert hosts(case.step(do.StreamFailed(packet.server, "TCP: ECONNREFUSED"))) == [B]


def test_what_somebody_else_asked_is_waited_for() -> None:
    """RFC 5452 §5: no two identical outstanding queries."""
    case = Case(A, known=(A,))
    others = packet_of(Case(A, known=(A,)).step(do.BEGUN))
    case.wire.slots[case.infra.state(Server(A)).key, QUESTION] = others
    assert case.step(do.BEGUN)[0] == do.Join(others)
    assert case.budget.sent == 0


def test_who_leaves_takes_nothing_along() -> None:
    case = Case(A, known=(A,))
    packet = packet_of(case.step(do.BEGUN))
    assert case.step(do.LEFT) == [do.Leave([packet])]
    assert case.state() is State.LEFT
