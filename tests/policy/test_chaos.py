"""What the server says about itself (RFC 4892)."""

from __future__ import annotations

import pytest

from resolver.model import Answer, Query, Question
from resolver.policy.chaos import Chaos
from resolver.protocol import names
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.message import Message
from resolver.protocol.transport import Client, Transport


def asked(name: str, qtype: int = RRType.TXT, qclass: int = RRClass.CH) -> Query:
    return Query(Message.asking(Question(names.from_text(name), qtype, qclass), Flag.RD))


def told(query: Query, *, version: str = "", identity: str = "") -> Answer:
    answer = Chaos(version=version, identity=identity).before(query)
    assert answer is not None
    return answer


@pytest.mark.rfc("RFC 4892 §2")
@pytest.mark.parametrize("name", ["version.bind.", "id.server.", "other.name."])
def test_nothing_is_told_by_default(name: str) -> None:
    assert told(asked(name)).rcode == Rcode.REFUSED


@pytest.mark.rfc("4892")
def test_what_is_configured_is_told() -> None:
    answer = told(asked("id.server."), version="7", identity="here")
    assert answer.answer[0].rdatas == (b"\x04here",)
    answer = told(asked("version.server."), version="7", identity="here")
    assert answer.answer[0].rdatas == (b"\x017",)


def test_another_type_has_no_data() -> None:
    answer = told(asked("id.server.", RRType.A), identity="here")
    assert (answer.rcode, answer.answer) == (Rcode.NOERROR, ())


def test_the_internet_class_is_not_our_business() -> None:
    assert Chaos(version="7").before(asked("version.bind.", qclass=RRClass.IN)) is None


def _from(host: str) -> Query:
    client = Client(host, 5353, Transport.UDP)
    message = Message.asking(Question(DAEMON, RRType.TXT, RRClass.CH), Flag.RD)
    return Query(message, client=client, source=address_octets(host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_the_daemon_is_known_by_a_name_of_its_own(host: str) -> None:
    """`resolver query` must not take another resolver on this machine for ours."""
    assert told(_from(host)).answer[0].rdatas == (DAEMON_TEXT,)


def test_a_question_of_our_own_is_this_machine_s() -> None:
    assert told(asked("daemon.resolver.")).answer[0].rdatas == (DAEMON_TEXT,)


@pytest.mark.parametrize("host", ["192.0.2.7", "10.0.0.1", "fe80::1", "::7f00:1", "128.0.0.1"])
def test_other_machines_are_not_told_what_this_program_is(host: str) -> None:
    """They may ask for all else; what runs here is not theirs to know."""
    answer = told(_from(host), version="7", identity="here")
    assert (answer.rcode, answer.answer) == (Rcode.REFUSED, ())
