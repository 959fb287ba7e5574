"""Limits: which instance of a server answers, and how far away it is."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("which instance of a server answers, and who did in partial outages")

NSID_OCTETS = limit(
    128,
    "octets of a server's NSID that are kept",
    why="our choice: no name of an instance that operators are known to use is half as long",
)
NSID_QUERIES = limit(
    64, "queries after which a server is asked again which instance it is", why="our choice: 1.6 %"
)
NSID_SECONDS = limit(
    3600.0,
    "seconds after which it is asked again at its next query",
    why="our choice: a move of routes is seen within the hour",
)
NSID_SILENCES = limit(
    3,
    "times in a row that it is asked so and does not reply, until it is asked no more",
    why="our choice: somebody on the way drops what has this option; a start tries again",
)
SIBLING_PROBES = limit(
    8,
    "servers of the same zone that are measured anew when one is another instance",
    why="our choice: those that may be nearer now; each costs a token of the probes",
)
RTT_JUMP_FACTOR = limit(
    1.65,
    "times a server's usual round trip, or part of it, that two answers in a row must differ by",
    why="our choice: 0.5 in the logarithm; another instance's catchment, not jitter",
)
RTT_JUMP_SECONDS = limit(
    0.002,
    "seconds by which they must differ beside that",
    why="our choice: on one's own network half of a millisecond is a factor of two",
)
LEAST_RTT_SECONDS = limit(
    3600.0,
    "seconds for which a least round trip counts; then that of the hour before is forgotten",
    why="our choice: what was near before routes moved says nothing of now",
)
EARLIER_INSTANCES = limit(
    4, "earlier instances of a server that are kept", why="our choice: who takes turns shows"
)
UNSTABLE_SECONDS = limit(
    3600.0,
    "seconds within which an instance that comes back makes its server unstable",
    why="our choice: routes that flap, or packets spread over two paths",
)

EXPERIMENT_LOOK_SECONDS = limit(
    30.0,
    "seconds between two looks for a partial outage",
    why="our choice",
)
EXPERIMENT_SECONDS = limit(
    60.0, "seconds that one lasts at least", why="our choice: shorter is loss, or routes that move"
)
EXPERIMENT_SLICE = limit(
    4096, "servers looked at before other tasks have their turn", why="our measurement: 1 ms"
)
EXPERIMENT_PREFIXES = limit(
    6,
    "networks (/24, /48) that are silent in one at least",
    why="our choice: more than one operator has in one place",
)
EXPERIMENT_OWNERS = limit(
    3,
    "owners of zones, by the last two labels, whose servers are silent in one at least",
    why="our choice: one operator's fault is none",
)
PARTIAL_OUTAGE_DAYS = limit(
    90, "days for which it is known who answered in a partial outage", why="our choice"
)
PARTIAL_OUTAGES = limit(64, "partial outages that are kept", why="our choice: one in 34 hours")
PARTIAL_OUTAGE_HOSTS = limit(
    512, "addresses kept of each, of those that answered and of those silent", why="40 kB each"
)
FAR_MS_RANGE: Final = (0.0, 10_000.0)
CLAIMS = limit(
    48,
    "places that servers say they stand at, of which the tightest are held against each other",
    why="our measurement: 4 ms a report",
)
CLAIM_SLACK_KM = limit(
    100.0,
    "kilometres by which two claims may be further apart than round trips allow",
    why="our choice: an airport is not its city, and not the server's door",
)
