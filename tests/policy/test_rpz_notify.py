"""NOTIFY (RFC 1996): from primaries of policy zones, and for those."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import dns.message
import dns.opcode
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.model import Answer, Query
from resolver.policy import tsig
from resolver.policy.rpz_notify import Notified
from resolver.policy.tsig import BADKEY, BADSIG, BADTIME, NotSigned
from resolver.protocol.codes import Rcode
from resolver.protocol.message import Message
from resolver.protocol.names import from_text
from resolver.protocol.wire import parse_untrusted
from tests.making import question

if TYPE_CHECKING:
    from collections.abc import Callable

NOTIFY = 4 << 11
ZONE, PRIMARY = from_text("rpz.test."), bytes((192, 0, 2, 1))


KEY = dns.tsig.Key("k.", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", dns.tsig.HMAC_SHA256)
OURS = tsig.Key(from_text("hmac-sha256."), from_text("k."), KEY.secret)


def nobody(_: bytes, __: bytes) -> Callable[[bytes], bytes]:
    raise NotSigned(BADKEY)


def signed_notify(key: dns.tsig.Key = KEY) -> dns.message.Message:
    message = dns.message.make_query("rpz.test.", "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.use_tsig(key)
    message.to_wire()
    return message


def asked(octets: bytes, wall: float) -> tuple[Answer | None, list[bytes]]:
    """What it is answered, and of which zones was told."""
    told: list[bytes] = []
    step = Notified(
        {ZONE: frozenset({PRIMARY})},
        told.append,
        lambda _, data: tsig.signed_untrusted(data, OURS, wall),
    )
    return step.before(Query(parse_untrusted(octets), octets, source=PRIMARY)), told


@pytest.mark.rfc("RFC 8945 §5.3")
def test_a_signed_one_is_checked_and_answered_signed() -> None:
    """dnspython signs it, and believes the reply."""
    message = signed_notify()
    answer, told = asked(message.to_wire(), time.time())
    assert answer is not None
    assert (answer.rcode, told) == (Rcode.NOERROR, [ZONE])
    assert callable(answer.tsig)
    unsigned = dns.message.make_query("rpz.test.", "SOA", id=message.id)
    bare = dns.message.make_response(unsigned).to_wire()
    read = dns.message.from_wire(answer.tsig(bare), keyring=KEY, request_mac=message.mac)
    assert read.had_tsig
    assert not read.tsig_error


@pytest.mark.rfc("RFC 8945 §5.2")
@pytest.mark.parametrize(
    ("key", "late_s", "code"),
    [
        (dns.tsig.Key("k.", "b3RoZXI=", dns.tsig.HMAC_SHA256), 0, BADSIG),
        (dns.tsig.Key("other.", KEY.secret, dns.tsig.HMAC_SHA256), 0, BADKEY),
        (dns.tsig.Key("k.", KEY.secret, dns.tsig.HMAC_SHA512), 0, BADKEY),
        (KEY, 310, BADTIME),
        (KEY, -310, BADTIME),
    ],
)
def test_one_that_is_signed_otherwise_is_told_so_and_moves_nobody(
    key: dns.tsig.Key, late_s: int, code: int
) -> None:
    message = signed_notify(key)
    answer, told = asked(message.to_wire(), time.time() + late_s)
    assert answer is not None
    assert (answer.rcode, told) == (Rcode.NOTAUTH, [])
    assert isinstance(answer.tsig, bytes)
    assert int.from_bytes(answer.tsig[-4:-2], "big") == code


@given(data=st.binary(max_size=60), at=st.integers(0, 90))
def test_signed_untrusted(data: bytes, at: int) -> None:
    octets = signed_notify().to_wire()
    octets = octets[:at] + data + octets[at + len(data) :]
    with suppress(WireError):
        assert callable(tsig.signed_untrusted(octets, OURS, time.time()))


@pytest.mark.rfc("1996 3.10")
def test_a_primary_is_heard_and_answered() -> None:
    told: list[bytes] = []
    step = Notified({ZONE: frozenset({PRIMARY})}, told.append, nobody)
    answer = step.before(Query(Message.asking(question("rpz.test. SOA"), NOTIFY), source=PRIMARY))
    assert answer is not None
    assert (answer.rcode, answer.is_authoritative, told) == (Rcode.NOERROR, True, [ZONE])


@pytest.mark.parametrize(
    ("text", "flags", "source"),
    [
        ("rpz.test. SOA", NOTIFY, b"\xc0\0\2\2"),
        ("rpz.test. SOA", NOTIFY, b""),
        ("rpz.test. SOA", 0, PRIMARY),
        ("rpz.test. A", NOTIFY, PRIMARY),
        ("other.test. SOA", NOTIFY, PRIMARY),
    ],
)
def test_nothing_else_is_for_it(text: str, flags: int, source: bytes) -> None:
    told: list[bytes] = []
    step = Notified({ZONE: frozenset({PRIMARY})}, told.append, nobody)
    assert step.before(Query(Message.asking(question(text), flags), source=source)) is None
    assert told == []
