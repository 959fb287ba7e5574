"""Limits: dnstap."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("dnstap")

DNSTAP_WAITING_OCTETS = limit(
    16 << 20,
    "octets of dnstap messages that wait for their receiver, and as many that are being sent",
    why="two seconds at 20,000 hits a second; more are lost, and counted",
)
DNSTAP_AT_ONCE = limit(
    32,
    "hits that are made into dnstap messages at once, two each",
    why="by then the code is in the processor's caches; a tenth of a millisecond",
)
DNSTAP_SECONDS = limit(
    0.1,
    "seconds that dnstap messages are gathered before they are sent",
    why="a receiver looks live",
)
DNSTAP_HELLO_SECONDS = limit(
    5.0, "seconds for a receiver to be reached and to say what it takes", why="it is near"
)
DNSTAP_SEND_SECONDS = limit(
    10.0, "seconds for a receiver to take what is sent", why="one that reads nothing is gone"
)
DNSTAP_PAUSE_SECONDS = limit(
    1.0,
    "seconds until a receiver that is gone is tried again; twice as many each time",
    why="it restarts",
)
DNSTAP_PAUSE_MOST_SECONDS = limit(
    60.0, "seconds between two tries at most", why="Unbound's dnstap; nobody waits for it"
)
DNSTAP_CONTROL_OCTETS = limit(
    512, "octets of a control frame of a receiver", why="fstrm's FSTRM_CONTROL_FRAME_LENGTH_MAX"
)
DNSTAP_CLIENTS = limit(
    4096, "clients whose part of a dnstap message is at hand", why="1 MB; it takes 4 µs to make"
)
DNSTAP_FILE_OCTETS = limit(
    1 << 30, "octets of a dnstap file; another one before it is kept", why="five million hits"
)
