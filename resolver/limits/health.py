"""Limits: whether this machine should attract traffic."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("whether this machine should attract traffic")

HEALTH_LOOK_SECONDS = limit(
    1.0, "seconds between two looks", why="speakers of routes look each second or two"
)
HEALTH_FALL = limit(
    3, "bad looks in a row until it should not", why="HAProxy's and ExaBGP's fall; one may be lost"
)
HEALTH_RISE = limit(
    5, "good looks in a row until it should again", why="a route that flaps is dampened (RFC 2439)"
)
HEALTH_LATENCY_SECONDS = limit(
    0.5,
    "seconds for an answer out of memory, or by which the loop may be late",
    why="half of what the least patient clients wait (resolv.conf(5), timeout:1)",
)
HEALTH_PROBE_SECONDS = limit(
    1.0, "seconds for a listener to answer us at such a look", why="looks are that far apart"
)
HEALTH_STREAM_SECONDS = limit(
    10.0,
    "seconds between two questions to a listener that is no plain UDP, while it answers",
    why="a handshake of TLS takes two milliseconds of a processor",
)
HEALTH_WORKER_SECONDS = limit(
    2.0,
    "seconds without a word of a worker after which it is told as missing",
    why="WORKER_SILENCE_SECONDS and a start are over before HEALTH_FALL more looks are",
)
HEALTH_LINK_SECONDS = limit(
    30.0,
    "seconds without an answer of any server after which witnesses are asked, once",
    why="who is not asked hears nothing: it would attract traffic to find out that it is cut off",
)
HEALTH_KEEP_SECONDS = limit(
    60.0,
    "seconds for which looks go on after somebody has asked for health by the control socket",
    why="checks come every few seconds",
)
HEALTH_PROBERS = limit(
    32, "connections for health at a time", why="a dozen load balancers, each twice"
)
HEALTH_PROBER_SECONDS = limit(
    2.0, "seconds for one of them", why="the answer is at hand; probers give up sooner"
)
HEALTH_HEAD_OCTETS = limit(
    4096, "octets of the head of such a request", why="HAProxy's and curl's have a hundred"
)
HEALTH_ASK_SECONDS = limit(
    3.0, "seconds for the daemon to tell `resolver health`", why="after that it hangs, for a check"
)
DRAIN_GRACE_RANGE: Final = (0.0, 45.0)
DRAIN_GRACE_SECONDS = limit(
    30.0,
    "seconds for which a drain still answers who comes, where somebody asks for health",
    why="routes are gone in a second or two within one network; CONTROL_WORK_SECONDS is more",
    between=DRAIN_GRACE_RANGE,
)
DRAIN_LEAST_SECONDS = limit(
    5.0, "seconds of these, though nobody comes", why="a check each two seconds, and a route's way"
)
DRAIN_QUIET_SECONDS = limit(
    2.0, "seconds in which nobody came, after which it waits no longer", why="the route has moved"
)
DRAIN_LOOK_SECONDS = limit(
    0.1, "seconds between two looks whether somebody came", why="our choice: a drain takes seconds"
)
