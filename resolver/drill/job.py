"""What the daemon and the process that works a drill out tell each other, as JSON.

In pieces, so that neither making nor reading it holds anybody up: of the job a line with all but
the facts, and one for each piece of these; of the outcome the names that fail apart.
"""

from __future__ import annotations

import msgspec

from resolver.drill.facts import Facts, Used
from resolver.drill.report import Outcome


class StoreAt(msgspec.Struct, frozen=True):
    """The cache on disk: where, its *key*, and by what its records are judged (`cache.basis`)."""

    path: str
    key: bytes
    public: bytes
    trust: bytes
    ways: list[tuple[bytes, bytes]]
    validates: bool
    boot: int
    now: float
    wall: float
    is_sure: bool
    stale_s: float
    max_ttl: int
    negative_ttl: int


class Job(msgspec.Struct):
    """A drill of the names *used*, by what memory has of them (*facts*) and the disk besides.

    *kept*: addresses that go on answering, and with them all in the prefixes *keep_only*;
    *measured*: those that ever answered. The rest is `outlook.Terms`.
    """

    facts: list[Facts]
    used: list[Used]
    kept: list[str]
    measured: list[str]
    keep_only: list[str]
    after_s: list[float]
    local_root: bool
    keeps_warm: bool
    stale_s: float
    anchors: list[bytes]
    waived: list[bytes]
    never_stale: list[bytes]
    past_signatures: bool
    is_cold: bool
    most: int
    parent: int = 0
    store: StoreAt | None = None


class Done(msgspec.Struct):
    """The *outcome* but for its `failing`, and these, to be read some at a time."""

    outcome: Outcome
    failing: list[msgspec.Raw]
