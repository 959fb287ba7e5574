"""What the network does to DNS, judged from what came back. Pure.

A judgement needs evidence both ways: silence of one server is that server's, silence of all over
one family, while the other answers, is the family's. What nobody answered says nothing of what is
done to answers.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from resolver.cli.doctor.evidence import ANSWERED, NO_ROUTE, TIMEOUT, Kind
from resolver.cli.doctor.finding import fine, note, trouble, unknown
from resolver.limits import BENCH_NEAR_SECONDS, SIGNATURE_SKEW_SECONDS, UDP_PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.cli.doctor.evidence import Evidence, Forward, Probe
    from resolver.cli.doctor.finding import Finding
    from resolver.model import Server

_UNFRAGMENTED = 1452  # octets of UDP that fit a packet of Ethernet's over IPv6
_LOOPBACK = "::1"
_ENCRYPT = "have questions encrypted: [[forward]] with tls:// or https:// (docs/encryption.md)"


def link(e: Evidence) -> Finding:
    """Does anybody answer at all?"""
    asked, forwards = e.internet.of(Kind.SOA), e.internet.forwards
    if any(each.has_answer for each in asked):
        return fine("link")
    seen = _counted(asked)
    if any(each.outcome == ANSWERED for each in forwards):
        if e.plan.forwards_all:
            return fine("link")
        return trouble(
            "link",
            "no server of the Internet answers on port 53, though forwarders do",
            seen,
            'the network lets only its own resolvers ask: forward "." to them, or to one over TLS',
        )
    if not asked and not forwards:
        return unknown("link", "nobody was asked")
    if all(each.outcome == NO_ROUTE for each in asked) and asked:
        return trouble("link", "there is no way out of this machine", seen, "ip route: is a"
                       " link up, and has it a default route?")  # fmt: skip
    return trouble(
        "link",
        "nobody answers: neither servers of the root nor forwarders",
        (*seen, *(f"{each.name}: {each.outcome}" for each in forwards)),
        "is the link up? a portal that wants a login first stops everything but itself",
    )


def family(e: Evidence, *, is_ipv6: bool) -> Finding:
    """Is one family broken, while the other works?"""
    about, other = ("ipv6", "IPv4") if is_ipv6 else ("ipv4", "IPv6")
    name = "IPv6" if is_ipv6 else "IPv4"
    asked = e.internet.of(Kind.SOA, is_ipv6=is_ipv6)
    if not (e.plan.uses_ipv6 if is_ipv6 else e.plan.uses_ipv4):
        return unknown(about, f"outgoing.{about} is false")
    if any(each.has_answer for each in asked):
        return fine(about)
    if not any(each.has_answer for each in e.internet.of(Kind.SOA, is_ipv6=not is_ipv6)):
        return unknown(about, f"nobody answers over {other} either")
    tried = [each for each in asked if each.outcome != NO_ROUTE]
    if not tried:
        return unknown(about, f"this machine has no route for {name}")
    seen = [*_counted(asked), f"over {other} they answer"]
    if is_ipv6:
        own = [one for one in e.internet.ipv6 if one != _LOOPBACK]
        has = f"has the address {own[0]}" if own else "has no address but for its own links"
        seen.append(f"this machine {has}")
    return trouble(
        about,
        f"{name} is there, but leads nowhere",
        tuple(seen),
        f"mend it at the router, or do without: outgoing.{about} = false; programs of this machine "
        "wait for it too",
    )


def interception(e: Evidence) -> Finding:
    """Does somebody on the way answer in the place of others?"""
    asked = [each for each in e.internet.of(Kind.SOA) if each.has_answer]
    nobody = e.internet.of(Kind.NOBODY)
    seen = [f"{one.server.host}, where no server is, answers" for one in nobody if one.has_answer]
    seen += [
        f"{each.name} ({each.server.host}) answers as a resolver does, not as itself"
        for each in asked
        if each.is_recursive and not each.is_authoritative
    ]
    seen += _shared(asked)
    if not seen:
        if not asked:
            return unknown("interception", "no server of the root answers")
        return fine("interception")
    near = [each for each in asked if each.elapsed_s < BENCH_NEAR_SECONDS]
    seen += [f"{each.name} is {1000 * each.elapsed_s:.2f} ms away" for each in near[:1]]
    title = "somebody on the way answers in the place of servers on port 53"
    if e.plan.forwards_all_encrypted:
        return note("interception", title, tuple(seen), "nothing: this resolver asks encrypted")
    return trouble("interception", title, tuple(seen), "the router or provider does it: switch "
                   "it off there", _ENCRYPT)  # fmt: skip


def _shared(asked: Sequence[Probe]) -> list[str]:
    """One identity (RFC 4892, RFC 5001) behind several servers of the root."""
    owners: dict[str, set[str]] = defaultdict(set)
    for each in asked:
        for identity in each.identities:
            owners[identity].add(each.name)
    return [
        f"{', '.join(sorted(names))} have one identity: {identity}"
        for identity, names in owners.items()
        if len(names) > 1
    ]


def stripped(e: Evidence) -> Finding:
    """Are signatures taken out of answers?"""
    asked = [each for each in e.internet.of(Kind.SOA) if each.has_answer and not each.rcode]
    bare = [each for each in asked if not each.is_signed]
    forwards = [each for each in e.internet.forwards if each.outcome == ANSWERED]
    unsigned = [each for each in forwards if not each.is_signed and not each.rcode]
    if not asked and not forwards:
        return unknown("dnssec", "nobody answers")
    seen = tuple(f"{each.name} ({each.server.host}): the root's SOA without signature"
                 for each in bare if len(bare) == len(asked))  # fmt: skip
    seen += tuple(f"{each.name}, for {each.zone}: the root's SOA without signature"
                  for each in unsigned if each.zone == ".")  # fmt: skip
    if not seen:
        return fine("dnssec")
    if not e.plan.validates:
        return note("dnssec", "signatures are taken out of answers", seen, "dnssec.validate is off")
    return trouble(
        "dnssec",
        "signatures are taken out of answers: nothing can be validated, and signed names fail",
        seen,
        "forward to a resolver that passes them on, or switch the device on the way off",
        _ENCRYPT,
    )


def tcp(e: Evidence) -> Finding:
    """Is DNS over TCP stopped, where UDP is let through?"""
    reachable = {each.server for each in e.internet.of(Kind.SOA) if each.has_answer}
    asked = [each for each in e.internet.of(Kind.TCP) if each.server in reachable]
    if not asked:
        return unknown("tcp", "no server of the root answers over UDP")
    if any(each.has_answer for each in asked):
        return fine("tcp")
    return trouble(
        "tcp",
        "DNS over TCP is stopped on the way",
        (*_counted(asked), "over UDP they answer"),
        "let port 53 out over TCP too: large answers need it (RFC 7766 §5)",
    )


def sizes(e: Evidence) -> Finding:
    """Do large answers over UDP arrive: those of one packet, and those in fragments?"""
    small = {each.server for each in e.internet.of(Kind.SOA) if each.has_answer}
    keys = [each for each in e.internet.of(Kind.KEYS) if each.server in small]
    if keys and not any(each.has_answer for each in keys):
        return trouble(
            "size",
            "answers of one large packet do not arrive",
            (*_counted(keys, "its keys"), "short answers of theirs arrive"),
            "the path takes smaller packets than it says: outgoing.udp_payload_size = 512 goes "
            "over TCP instead",
            "mend the MTU of the tunnel or the link",
        )
    whole: dict[Server, int] = {}
    for each in e.internet.of(Kind.LARGE_TCP):
        if each.size_octets > _UNFRAGMENTED:
            whole[each.server] = max(each.size_octets, whole.get(each.server, 0))
    large = [each for each in e.internet.of(Kind.LARGE) if each.server in whole]
    if not large:
        return fine("size") if keys else unknown("size", "no server has a large answer")
    came = [each for each in large if each.has_answer]
    if came:
        return fine("size")
    octets = max(whole[each.server] for each in large)
    seen = (*_counted(large, f"{octets} octets"), "over TCP they arrive")
    if e.plan.payload <= UDP_PAYLOAD:
        title = "fragments are lost on the way, which this resolver never asks for"
        return note(
            "size", title, seen, f"nothing, at outgoing.udp_payload_size = {e.plan.payload}"
        )
    return trouble(
        "size",
        "fragments are lost on the way, and this resolver asks for them",
        seen,
        f"outgoing.udp_payload_size = {UDP_PAYLOAD} (RFC 9715)",
    )


def clock(e: Evidence) -> Finding:
    """Is this machine's time one at which the root's signatures hold?"""
    wall, host = e.host.wall, e.host
    windows = [one for each in e.internet.of(Kind.SOA) for one in each.windows]
    advice = "set it: timedatectl set-ntp true, or chronyc makestep; timedatectl shows it"
    if wall < host.floor:
        seen = (f"it says {_day(wall)}", f"it is {_day(host.floor)} at the earliest")
        return trouble("clock", "the clock of this machine is behind", seen, advice)
    if not windows:
        return unknown("clock", "no signature of the root was seen")
    skew = SIGNATURE_SKEW_SECONDS
    if any(one.begins - skew <= wall <= one.ends + skew for one in windows):
        return fine("clock")
    begins, ends = min(one.begins for one in windows), max(one.ends for one in windows)
    seen = (f"it says {_day(wall)}", f"the root's signatures are of {_day(begins)} to {_day(ends)}")
    side = "behind" if wall < begins else "ahead"
    return trouble("clock", f"the clock of this machine is {side}", seen, advice)


def forwarders(e: Evidence) -> Finding:
    """Are those that the configuration names there, and who they say?"""
    asked = e.internet.forwards
    if not asked:
        return unknown("forwarders", "the configuration has none")
    lost = [each for each in asked if each.outcome != ANSWERED]
    if not lost:
        return fine("forwarders")
    seen = tuple(f"{each.name}, for {each.zone}: {_said(each)}" for each in lost)
    advice = '"resolver query @SERVER . NS" asks one alone (docs/encryption.md)'
    by_zone = {each.zone for each in asked if each.outcome == ANSWERED}
    if {each.zone for each in lost} <= by_zone:
        return note("forwarders", "some forwarders do not answer; others do", seen, advice)
    return trouble("forwarders", "forwarders do not answer", seen, advice)


def _said(each: Forward) -> str:
    if each.outcome == TIMEOUT:
        return "no reply"
    is_refused = each.is_encrypted and "certificate" in each.outcome.lower()
    return f"not who was meant: {each.outcome}" if is_refused else each.outcome


def portal(e: Evidence) -> Finding:
    """Does the network want a login first?"""
    found = e.internet.portal
    if found is None:
        return unknown("portal", "not asked: nothing looks like one")
    if found.trouble:
        return unknown("portal", f"{found.url}: {found.trouble}")
    if found.is_as_expected:
        return fine("portal")
    where = f", to {found.location}" if found.location else ""
    return trouble(
        "portal",
        "the network wants a login first (a captive portal)",
        (f"{found.url} answers with status {found.status}{where}",),
        "log in with a browser; until then the network lies about names, and is not believed",
    )


# --- words -----------------------------------------------------------------------------------


def _counted(asked: Iterable[Probe], what: str = "") -> tuple[str, ...]:
    """ "4 servers of the root asked over IPv4: 4 timeout"."""
    lines = []
    asked = list(asked)
    for is_ipv6 in (False, True):
        some = [each for each in asked if each.is_ipv6 is is_ipv6]
        if some:
            outcomes = Counter(each.outcome for each in some)
            said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
            about = f" for {what}" if what else ""
            via = "IPv6" if is_ipv6 else "IPv4"
            lines.append(f"{len(some)} servers of the root asked{about} over {via}: {said}")
    return tuple(lines)


def _day(wall: float) -> str:
    return dt.datetime.fromtimestamp(wall, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
