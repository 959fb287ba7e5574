"""DNS over QUIC: what is answered, what ends the connection, and what a client may hold."""

from __future__ import annotations

import pytest
import trio

from resolver.listen import quic_session
from resolver.listen.admission import Admission
from resolver.protocol.framing import frame
from resolver.protocol.transport import Transport
from tests.listen.echo import answered, question
from tests.listen.quic_client import CLIENT, HERE, asked, listening
from tests.support import set_limit, trio_test

QUESTION = question(id=0)
ANSWER = frame(answered(QUESTION))
PROTOCOL_ERROR, CANCELLED, EXCESSIVE_LOAD = 2, 3, 4
KEEPALIVE = QUESTION[:10] + b"\0\1" + QUESTION[12:] + b"\0\0\x29\4\xd0\0\0\0\0\0\4\0\x0b\0\0"


def named(number: int) -> bytes:
    return question(b"\6n%05d\7example\3com\0" % number, id=0)


# --- what is answered ----------------------------------------------------------------------------


@pytest.mark.rfc("RFC 9250 §4.2")
@trio_test
async def test_a_question_and_its_answer_on_a_stream_of_their_own() -> None:
    async with listening() as it:
        client = await it.connected()
        first, second = client.ask(asked(QUESTION)), client.ask(asked(named(2)))
        await client.run()
        assert client.answers == {first: ANSWER, second: frame(answered(named(2)))}
        assert client.finished == {first, second}
        assert it.handler.started[0][1] == (
            CLIENT,
            client.end.address[1],
            Transport.QUIC,
            HERE[0],
            b"",
            HERE[0],
        )
        assert it.service.queries == 2


@trio_test
async def test_what_is_known_is_answered_without_anybody() -> None:
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION))
        await client.run()
        stream = client.ask(asked(QUESTION))
        await client.run()
        assert client.answers[stream] == ANSWER
        assert len(it.handler.started) == 1
        assert it.service.queries == 2


@trio_test
async def test_a_question_in_pieces_and_the_largest_answer() -> None:
    """65,535 octets: more than a client's whole window at the start."""
    large = QUESTION + bytes(65_535 - len(QUESTION))
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        stream = client.ask(asked(QUESTION)[:1], ends=False)
        await client.run(0.2)
        client.ask(asked(QUESTION)[1:7], ends=False, stream=stream)
        await client.run(0.2)
        client.ask(asked(QUESTION)[7:], stream=stream)
        await client.run(0.2)
        it.handler.held[QUESTION](large)
        await client.run(5)
        assert client.answers[stream] == frame(large)
        assert client.closed is None


@trio_test
async def test_the_largest_question() -> None:
    largest = QUESTION + bytes(65_535 - len(QUESTION))
    async with listening() as it:
        client = await it.connected()
        for _ in range(3):  # the window moves on
            client.ask(frame(largest))
            await client.run(5)
        assert [len(data) for data, _ in it.handler.started] == [65_535] * 3
        assert client.closed is None


@trio_test
async def test_answers_in_any_order() -> None:
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        first, second = client.ask(asked(named(1))), client.ask(asked(named(2)))
        await client.run()
        it.handler.held[named(2)](answered(named(2)))
        await client.run()
        assert client.finished == {second}
        it.handler.held[named(1)](answered(named(1)))
        await client.run()
        assert client.finished == {first, second}
        assert it.admission.in_flight == 0


@trio_test
async def test_more_questions_than_may_be_open_are_answered_one_after_the_other() -> None:
    async with listening() as it:
        client = await it.connected()
        for number in range(350):
            client.ask(asked(named(number)))
        await client.run(10)
        assert len(client.finished) == 350


# --- what ends the connection --------------------------------------------------------------------


@pytest.mark.rfc("RFC 9250 §4.2.1", "RFC 9250 §4.3.3", "RFC 9250 §5.5.2")
@pytest.mark.parametrize(
    "octets",
    [
        frame(question(id=7)),
        asked(QUESTION) + b"\0",
        asked(QUESTION) * 2,
        asked(QUESTION)[:-1],
        b"",
        b"\0",
        b"\0\0",
        frame(QUESTION[:11]),
        frame(QUESTION[:2] + b"\x80" + QUESTION[3:]),
        frame(KEEPALIVE),
    ],
    ids=[
        "an id", "an octet too many", "two messages", "cut short", "nothing", "half a length",
        "no message", "no header", "a reply", "edns-tcp-keepalive",
    ],
)  # fmt: skip
@trio_test
async def test_what_is_no_question_ends_the_connection(octets: bytes) -> None:
    async with listening() as it:
        client = await it.connected()
        client.ask(octets)
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == PROTOCOL_ERROR
        assert client.closed.frame_type is None, "the application's code, not the transport's"
        assert it.places.misused == 1
        assert it.is_empty()


@pytest.mark.rfc("RFC 9250 §4.3.3")
@trio_test
async def test_a_stream_of_one_direction_ends_the_connection() -> None:
    async with listening() as it:
        client = await it.connected()
        stream = client.quic.get_next_available_stream_id(is_unidirectional=True)
        client.ask(asked(QUESTION), stream=stream)
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == PROTOCOL_ERROR
        client = await it.connected()
        client.quic.reset_stream(client.ask(b"x", ends=False, stream=stream), 0)
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == PROTOCOL_ERROR
        assert it.is_empty()


@trio_test
async def test_octets_that_are_too_many_are_noticed_before_the_end() -> None:
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION) + b"\0", ends=False)
        await client.run()
        assert client.closed is not None
        assert client.closed.error_code == PROTOCOL_ERROR


@trio_test
async def test_what_cannot_be_parsed_is_the_pipelines_to_refuse() -> None:
    async with listening() as it:
        client = await it.connected()
        stream = client.ask(frame(QUESTION[:12] + b"\xff" * 9))
        await client.run()
        assert client.resets == {stream: 1}, "this handler knows no reply to that"
        assert client.closed is None


# --- clients that change their minds, or leave ---------------------------------------------------


@pytest.mark.rfc("RFC 9250 §4.3.1")
@pytest.mark.parametrize("by_reset", [True, False])
@trio_test
async def test_a_question_that_was_given_up_is_not_answered(by_reset: bool) -> None:  # noqa: FBT001
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        stream = client.ask(asked(QUESTION), ends=not by_reset)
        if by_reset:
            await client.run()
            client.quic.reset_stream(stream, CANCELLED)
        else:
            await client.run()
            client.quic.stop_stream(stream, CANCELLED)
        other = client.ask(asked(named(2)))
        await client.run()
        for message, respond in it.handler.held.items():
            respond(answered(message))
        await client.run()
        assert client.finished == {other}
        assert client.closed is None
        assert it.admission.in_flight == 0


@trio_test
async def test_asked_and_given_up_in_one_datagram() -> None:
    """The reply is known at once, and there is nobody to send it to."""
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION))
        await client.run()
        stream = client.ask(asked(QUESTION))
        client.quic.stop_stream(stream, CANCELLED)
        await client.run()
        assert client.closed is None
        assert client.resets == {stream: CANCELLED}
        assert it.places.faults == 0


@trio_test
async def test_a_given_up_query_keeps_its_place_while_the_client_is_there() -> None:
    """Else giving up would be the way to have more in progress than others may."""
    async with listening(admission=Admission(total=2)) as it:
        it.handler.holds = True
        client = await it.connected()
        stream = client.ask(asked(named(1)))
        await client.run()
        assert it.admission.in_flight == 1
        client.quic.stop_stream(stream, CANCELLED)
        await client.run()
        assert it.admission.in_flight == 1
        refused = client.ask(asked(named(2)))
        await client.run()
        assert client.resets[refused] == EXCESSIVE_LOAD
        it.handler.held[named(1)](answered(named(1)))
        assert it.admission.in_flight == 0


@trio_test
async def test_cve_2026_41637_a_client_that_is_gone_keeps_no_slot() -> None:
    """Knot's: queries whose client went away kept their slots. Late answers harm nobody."""
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        for number in range(20):
            client.ask(asked(named(number)))
        await client.run()
        assert it.admission.in_flight == 20
        client.quic.close(0)
        await client.run()
        assert it.is_empty()
        for respond in it.handler.held.values():
            respond(ANSWER)
        assert it.is_empty()


@pytest.mark.reaches("QUIC_IDLE_SECONDS")
@pytest.mark.rfc("RFC 9250 §5.5.2")
@trio_test
async def test_a_silent_client_is_forgotten() -> None:
    async with listening() as it:
        client = await it.connected()
        client.ask(asked(QUESTION))
        await client.run(25)
        assert not it.is_empty()
        await trio.sleep(31)
        assert it.is_empty()


@pytest.mark.reaches("QUIC_RESETS")
@trio_test
async def test_rapid_resets_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2023-44487 as it would be here: a stream costs the client nothing once it is reset."""
    set_limit(monkeypatch, quic_session, "QUIC_RESETS", 20)
    async with listening() as it:
        it.handler.holds = True
        client = await it.connected()
        for number in range(30):
            client.quic.stop_stream(client.ask(asked(named(number))), CANCELLED)
            await client.run(0.2)
        assert client.closed is not None
        assert client.closed.error_code == EXCESSIVE_LOAD
        assert len(it.handler.held) <= 23
        assert it.places.overused == 1
        assert it.is_empty()


@pytest.mark.reaches("QUIC_RESETS_SECONDS")
@trio_test
async def test_resets_now_and_then_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_session, "QUIC_RESETS_SECONDS", 30.0)
    async with listening() as it:
        client = await it.connected()
        for number in range(60):
            client.quic.stop_stream(client.ask(asked(named(number))), CANCELLED)
            await client.run(2.5)
        assert client.closed is None
