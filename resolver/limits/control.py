"""Limits: the control socket."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the control socket")

CONTROL_PATH_OCTETS = limit(107, "octets of its path", why="what the system takes (unix(7))")
CONTROL_CLIENTS = limit(
    8, "clients of the control socket at a time", why="an operator, a page, a script or two"
)
CONTROL_LINE_OCTETS = limit(
    65_536, "octets of one request", why="a name takes 1 KiB; records are loaded in batches"
)
CONTROL_LINE_SECONDS = limit(
    5.0, "seconds for the rest of a request that has begun", why="it is written at once"
)
CONTROL_IDLE_SECONDS = limit(
    300.0, "seconds for which a client may ask nothing", why="a page asks each few seconds"
)
CONTROL_ID_OCTETS = limit(64, "octets of a request's id", why="a number has ten")
CONTROL_REPLY_OCTETS = limit(
    131_072,
    "octets of one reply, or of one item of many",
    why="all counters take 30 KiB; a message between workers may have 208 KiB (wmem_max)",
)
CONTROL_SEND_SECONDS = limit(
    10.0, "seconds for a client to read one reply", why="a terminal, over a slow link"
)
CONTROL_WORKER_SECONDS = limit(
    2.0, "seconds for another worker to take up a request", why="its loop never stands still"
)
CONTROL_WORK_SECONDS = limit(
    60.0,
    "seconds of work for one reply, or for one item of many",
    why="a full cache is gone through in about 10 s",
)
