"""What there is to see in the Internet of `--lab`, as `resolver lab` prints it.

Plain data, apart from `demo`, which builds it: to list the names nothing has to be built.
"""

from __future__ import annotations

from typing import NamedTuple


class Shown(NamedTuple):
    """A question worth asking: *answer* is what it comes to, *shows* why it is there."""

    name: str
    rtype: str
    answer: str
    shows: str


SHOWN = (
    Shown("www.example.com", "A", "secure", "signed, and proven from the root down"),
    Shown("www.example.com", "AAAA", "secure", "the same name's IPv6 address"),
    Shown("alias.signed.org", "A", "secure", "an alias (CNAME) into another signed zone"),
    Shown("any.wild.example.com", "A", "secure", "made from a wildcard, which is proven too"),
    Shown("any.old.example.com", "A", "secure", "everything below old is at wild now (DNAME)"),
    Shown("mail.example.com", "AAAA", "no data, secure", "the name exists, this type does not"),
    Shown("nothing.example.com", "A", "NXDOMAIN, secure", "does not exist, proven by NSEC"),
    Shown("nothing.hashed.org", "A", "NXDOMAIN, secure", "does not exist, proven by NSEC3"),
    Shown("www.unsigned.org", "A", "insecure", "no signatures, and its parent proves that"),
    Shown("www.nods.org", "A", "insecure", "signed, but its parent has no DS for it"),
    Shown("www.bogus.org", "A", "SERVFAIL", "its signatures are wrong"),
    Shown("www.expired.org", "A", "SERVFAIL", "its signatures ran out three weeks ago"),
    Shown("www.wrongds.org", "A", "SERVFAIL", "its parent's DS is of a key that is gone"),
    Shown("www.slow.org", "A", "insecure", "its one server takes 0.8 seconds to answer"),
    Shown("www.lossy.org", "A", "insecure", "one packet in four is lost, each way"),
    Shown("www.halfdead.org", "A", "insecure", "two of its four servers are silent"),
    Shown("www.dead.org", "A", "SERVFAIL", "its one server is silent: takes some seconds"),
    Shown("www.refused.org", "A", "SERVFAIL", "its server refuses every question"),
    Shown("www.lame.org", "A", "SERVFAIL", "its server was given the zone and knows nothing"),
    Shown("here.circle.org", "A", "SERVFAIL", "two aliases, each of the other"),
    Shown("www.truncated.org", "A", "insecure", "every UDP answer is cut short: asked over TCP"),
    Shown("www.noedns.org", "A", "insecure", "its server fails on EDNS: asked again without"),
)
