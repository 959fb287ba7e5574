"""What the store of a daemon goes by: what its records rest on, and which clocks it may believe."""

from __future__ import annotations

import os
import time
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.cache.basis import Basis
from resolver.cache.record import DIGEST_OCTETS
from resolver.model import Status
from resolver.protocol import names
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.daemon.wiring import Parts
    from resolver.runtime.clock import Clock

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def basis_of(parts: Parts) -> Basis:
    """What records rest on by the configuration of *parts*."""
    config, anchors = parts.config, parts.anchors
    trust: list[object] = [config.dnssec.validate, config.dnssec.sha1]
    if anchors is not None:
        trust += [sorted(anchors.by_name.items()), sorted(anchors.negative.items())]
    ways = {
        names.from_text(entry.zone): _digest(type(entry).__name__, entry)
        for entry in chain(config.forward, config.stub)
    }
    hints = _digest("hints", sorted(parts.named_roots))
    return Basis(hints, _digest("trust", trust), ways, config.dnssec.validate)


def _digest(kind: str, what: object) -> bytes:
    return blake2b(f"{kind} {what!r}".encode(), digest_size=DIGEST_OCTETS).digest()


def boot_of(clock: Clock) -> int:
    """Which run of this machine *clock* counts in; 0 where nobody can tell."""
    if not isinstance(clock, SystemClock):
        return 0
    try:
        boot_id = _BOOT_ID.read_bytes()
    except OSError:  # the service file hides it (ProcSubset=), and says what it is
        boot_id = os.environb.get(b"RESOLVER_BOOT_ID", b"")
    if not boot_id:
        return 0
    named = boot_id + clock.ttl_source.encode()
    return int.from_bytes(blake2b(named, digest_size=4).digest(), "big") or 1


def sure_of(clock: Clock) -> Callable[[], bool]:
    """May the wall clock be believed?"""
    return clock.is_set if isinstance(clock, SystemClock) else lambda: True


def cpu_of(clock: Clock) -> Callable[[], float]:
    """Seconds of CPU that this process has used."""
    return time.process_time if isinstance(clock, SystemClock) else lambda: 0.0


def believes(parts: Parts | None) -> bool:
    """False while the root's keys do not validate: what is learnt then is somebody else's."""
    if parts is None or parts.anchors is None:
        return True
    root = parts.keystore.get(names.ROOT, parts.clock.now())
    return root is None or root.status is not Status.BOGUS
