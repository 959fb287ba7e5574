"""All judgements, in the order of the page: what is nearest to this machine first. Pure."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from resolver.cli.doctor import judge_host, judge_network
from resolver.cli.doctor.evidence import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.cli.doctor.evidence import Evidence, Host, Internet
    from resolver.cli.doctor.finding import Finding

JUDGEMENTS: Final[tuple[Callable[[Evidence], Finding], ...]] = (
    judge_host.configuration,
    judge_host.daemon,
    judge_host.outage,
    judge_host.port,
    judge_host.resolv_conf,
    judge_host.nsswitch,
    judge_host.directory,
    judge_network.clock,
    judge_host.synchronised,
    judge_network.link,
    judge_network.portal,
    partial(judge_network.family, is_ipv6=False),
    partial(judge_network.family, is_ipv6=True),
    judge_network.interception,
    judge_network.stripped,
    judge_network.tcp,
    judge_network.sizes,
    judge_network.forwarders,
)


def findings(evidence: Evidence) -> list[Finding]:
    """One of each judgement."""
    return [judge(evidence) for judge in JUDGEMENTS]


def looks_like_a_portal(seen: Internet) -> bool:
    """Is there a reason to ask for a web page? Nobody answers, or somebody in others' place."""
    asked = [each for each in seen.of(Kind.SOA) if each.has_answer]
    is_genuine = any(each.is_authoritative for each in asked)
    is_everywhere = any(each.has_answer for each in seen.of(Kind.NOBODY))
    return is_everywhere or not is_genuine


def lets_in(host: Host, seen: Internet) -> tuple[str, ...]:
    """Who may know the way to a portal's page: name servers that the network offers, those that
    programs ask, and who answers in others' place."""
    named = [one for one in host.resolv_conf or () if not ip_address(one).is_loopback]
    liars = [
        each.server.host
        for kind in (Kind.NOBODY, Kind.SOA)
        for each in seen.of(kind)
        if each.has_answer and not each.is_authoritative
    ]
    return tuple(dict.fromkeys([*host.uplinks, *named, *liars]))
