"""Limits: `resolver doctor`, and portals."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("`resolver doctor`, and portals")

DOCTOR_SECONDS = limit(
    10.0, "seconds for all probes together", why="somebody waits; what is not known by then is said"
)
DOCTOR_REPLY_SECONDS = limit(
    1.5,
    "seconds a probe waits for a reply, in each try",
    why="twice the longest round trip by satellite, and half as much again",
)
DOCTOR_TRIES = limit(2, "times a probe over UDP is sent", why="a lost packet is no finding")
DOCTOR_SERVERS = limit(
    4, "servers of the root that are asked, of each family", why="two of them may be away; courtesy"
)
DOCTOR_PAGE_OCTETS = limit(
    4_096, "octets of a web page that are looked at for a portal", why="the first lines tell"
)
DOCTOR_FORWARDERS = limit(
    32, "forwarders that are asked, side by side", why="more are not configured by people"
)
UPLINK_SERVERS = limit(
    8,
    "name servers that the network offers, of which the first answer",
    why="DHCP has two or three",
)
UPLINK_FILES = limit(
    32, "files of each kind in which they are looked for", why="one a link; a router has many"
)
UPLINK_OCTETS = limit(
    65_536, "octets that are read of each, and of resolv.conf", why="dhclient keeps all its leases"
)
CAPTIVE_SECONDS_RANGE: Final = (10, 3600)
CAPTIVE_SECONDS = limit(
    300,
    "seconds for which the network's own name servers are asked, to get past a portal",
    why="a login takes a minute or two; without validation nobody should be for long",
    between=CAPTIVE_SECONDS_RANGE,
)
