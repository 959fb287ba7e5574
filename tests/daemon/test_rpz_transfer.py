"""Transfers of policy zones: what makes one whole, and what is thrown away."""

from __future__ import annotations

from random import Random

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.daemon.rpz_transfer import NotThat, Taking
from resolver.daemon.rpz_tsig import Signer
from resolver.errors import WireError
from resolver.policy.rpz_zone import PolicyZone
from tests.policy.rpz_making import ZONE, zone_of

KEY = ("hmac-sha256", "k", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
APEX = dns.name.from_text("rpz.test.")


def soa(serial: int) -> str:
    return f"rpz.test. 300 SOA ns. host. {serial} 3600 600 86400 60"


def message(*lines: str, identifier: int = 7, rcode: int = 0) -> bytes:
    made = dns.message.Message(identifier)
    made.flags = 0x8400
    made.set_rcode(dns.rcode.Rcode.make(rcode))
    for line in lines:
        owner, ttl, rtype, data = line.split(" ", 3)
        made.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
    return made.to_wire(max_size=65535)


def bad(name: str, target: str = ".") -> str:
    return f"{name}.rpz.test. 300 CNAME {target}"


def taken(*messages: bytes, held: str | None = None) -> tuple[str, set[bytes]]:
    """What is made of a reply; *held* is the zone's text that is in use (serial 7)."""
    zone = zone_of(held) if held is not None else PolicyZone(ZONE, 100)
    taking = Taking(zone, lambda: PolicyZone(ZONE, 100), is_difference=held is not None)
    for octets in messages:
        if taking.take_untrusted(octets, 7):
            done = taking.done()
            rules = set(done.zone.rules) if done.zone is not None else set()
            return done.way, {key[1:] for key in rules}
    raise EOFError


def test_a_whole_zone_begins_and_ends_with_its_soa() -> None:
    lines = [soa(9), "rpz.test. 300 NS ns.", bad("a"), bad("b"), soa(9)]
    assert taken(message(*lines)) == ("axfr", {b"\1a", b"\1b"})
    assert taken(*(message(line) for line in lines)) == ("axfr", {b"\1a", b"\1b"})
    with pytest.raises(EOFError):
        taken(message(*lines[:-1]))
    with pytest.raises(WireError, match="does not begin with SOA"):
        taken(message(bad("a")))
    with pytest.raises(WireError, match="changed while"):
        taken(message(soa(9), bad("a"), soa(10)))
    with pytest.raises(WireError, match="behind the end"):
        taken(message(*lines, bad("c")))
    with pytest.raises(WireError, match="REFUSED"):
        taken(message(rcode=5))
    with pytest.raises(WireError, match="another question"):
        taken(message(soa(9), identifier=8))


@pytest.mark.rfc("1995 4")
def test_differences_are_applied_step_by_step() -> None:
    lines = [
        soa(9), soa(7), bad("a"), soa(8), bad("b"), soa(8), "rpz.test. 300 NS ns.", soa(9),
        bad("c"), soa(9),
    ]  # fmt: skip
    assert taken(message(*lines), held="a CNAME .\nz CNAME .\n") == (
        "ixfr",
        {b"\1b", b"\1c", b"\1z"},
    )
    with pytest.raises(EOFError):
        taken(message(*lines[:-1]), held="a CNAME .\n")


def test_nothing_newer_is_one_soa() -> None:
    assert taken(message(soa(7)), held="a CNAME .\n") == ("same", set())


def test_all_of_the_zone_may_come_in_the_place_of_differences() -> None:
    """RFC 1995 §4; what was held is not in it any more."""
    lines = [soa(9), bad("b"), soa(9)]
    assert taken(message(*lines), held="a CNAME .\n") == ("axfr", {b"\1b"})
    assert taken(message(soa(9), soa(9)), held="a CNAME .\n") == ("axfr", set())


@pytest.mark.parametrize(
    "octets",
    [
        message(rcode=4), message(rcode=1), message(rcode=5), message(),
        message(soa(9), soa(6), bad("a"), soa(9), soa(9)),
        message(soa(9), soa(7), soa(8), soa(7), soa(9)),
        message(soa(6)), message(bad("a")),
    ],
)  # fmt: skip
def test_differences_that_are_of_no_use_are_no_reason_to_give_up(octets: bytes) -> None:
    """NOTIMP, another version, a serial that went backwards: then all of it is asked for."""
    with pytest.raises(NotThat):
        taken(octets, held="a CNAME .\n")


def test_a_bad_record_in_a_transfer_is_counted() -> None:
    zone = PolicyZone(ZONE, 100)
    taking = Taking(zone, lambda: zone, is_difference=False)
    lines = [soa(9), "33.1.2.3.4.rpz-ip.rpz.test. 300 CNAME .", "out.side. 300 CNAME .", soa(9)]
    assert taking.take_untrusted(message(*lines), 7)
    assert (zone.report.bad, len(zone.report.shown)) == (2, 2)


@given(st.lists(st.binary(max_size=80), max_size=4), st.booleans(), st.integers(0, 2**32))
def test_take_untrusted_returns_or_raises_wire_error(
    junk: list[bytes],
    is_held: bool,  # noqa: FBT001
    seed: int,
) -> None:
    rng = Random(seed)
    lines = [soa(9), soa(7), bad("a"), soa(8), bad("b"), soa(9)]
    rng.shuffle(lines)
    octets = bytearray(message(*lines))
    octets[rng.randrange(12, len(octets))] ^= rng.randrange(256)
    try:
        taken(bytes(octets), *junk, held="a CNAME .\n" if is_held else None)
    except (WireError, EOFError):
        return


# --- signatures --------------------------------------------------------------------------------


def signed(*parts: bytes, key: tuple[str, str, str] = KEY) -> tuple[Signer, list[bytes]]:
    """A question that was signed, and a reply in *parts*, each signed in turn."""
    signer = Signer(KEY)
    query = dns.message.make_query(APEX, "AXFR")
    signer.sign(query)
    algorithm, owner, secret = key
    ring = dns.tsig.Key(owner, secret, algorithm)
    found, context, replies = [], None, [dns.message.from_wire(part) for part in parts]
    for reply in replies:
        reply.use_tsig(ring)
        reply.request_mac = query.mac or b""
        found.append(reply.to_wire(multi=True, tsig_ctx=context))
        context = reply.tsig_ctx
    return signer, found


def test_each_message_that_is_signed_is_checked() -> None:
    signer, parts = signed(message(soa(9)), message(bad("a")), message(soa(9)))
    for part in parts:
        signer.check_untrusted(part)
    signer.end()


def test_what_lies_between_is_covered_by_the_next_signature() -> None:
    """RFC 8945 §5.3.1; the end has to be signed."""
    signer, parts = signed(message(soa(9)))
    signer.check_untrusted(parts[0])
    for _ in range(99):
        signer.check_untrusted(message(bad("a")))
    with pytest.raises(WireError, match="the end"):
        signer.end()
    with pytest.raises(WireError, match="not signed"):
        signer.check_untrusted(message(bad("a")))


def test_a_reply_without_or_with_a_wrong_signature_is_thrown_away() -> None:
    signer, _ = signed()
    with pytest.raises(WireError, match="not signed"):
        signer.check_untrusted(message(soa(9)))
    with pytest.raises(WireError):
        signer.end()
    signer, parts = signed(message(soa(9)), key=(KEY[0], "other", KEY[2]))
    with pytest.raises(WireError, match="another key"):
        signer.check_untrusted(parts[0])
    signer, parts = signed(message(soa(9)), key=(KEY[0], KEY[1], KEY[2][::-1]))
    with pytest.raises(WireError, match="signature is wrong"):
        signer.check_untrusted(parts[0])


def test_without_a_key_nothing_is_checked() -> None:
    signer = Signer(())
    signer.check_untrusted(message(soa(9)))
    signer.end()


@given(st.binary(max_size=60), st.integers(0, 2**32))
def test_check_untrusted_returns_or_raises_wire_error(junk: bytes, seed: int) -> None:
    rng = Random(seed)
    signer, parts = signed(message(soa(9)))
    octets = bytearray(parts[0])
    at = rng.randrange(2, len(octets))
    octets[at] ^= 1 + rng.randrange(255)
    with pytest.raises(WireError):
        signer.check_untrusted(junk)
    try:
        signer.check_untrusted(bytes(octets))
    except WireError:
        return
    assert at > len(message(soa(9)))  # what is signed is all of the message before
