"""Names asked of the daemons of a site at the same moments, and how each took it.

`one` is asked for each name first; a second later `two`, which may know it from Redis, and `alone`,
which cannot. Another name, new to everybody, is asked of these two as well. What is told is
compared with what the authority says.
"""

from __future__ import annotations

import math
import selectors
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.valkey.authority import ZONE, address_of
from bench.valkey.site import DAEMONS, client
from resolver.protocol import names

if TYPE_CHECKING:
    import socket

    from bench.valkey.site import Site

LATER_S: Final = 1.0
BUDGET_S: Final = 5.0  # of a miss: what is not answered by then is lost
_HEAD: Final = b"\1\0\0\1\0\0\0\0\0\0"


class Asked(NamedTuple):
    """Whom, for what kind of name, when."""

    daemon: str
    kind: str
    name: bytes
    at: float


class Took:
    """Milliseconds by daemon and kind; what was *wrong* or *lost*."""

    def __init__(self) -> None:
        self.by: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.wrong: list[str] = []
        self.lost: list[str] = []

    def at(self, daemon: str, kind: str, share: float) -> float:
        """The quantile *share*, in ms; nan where nothing was asked."""
        found = sorted(self.by[daemon, kind])
        return found[min(int(share * len(found)), len(found) - 1)] if found else math.nan


class Load:
    """Asks the daemons of *site*, *rate* names of each kind a second."""

    def __init__(self, site: Site, *, rate: float, label: str) -> None:
        self.took = Took()
        self._rate = rate
        self._label = label
        self._sockets = {name: client(site.here, name) for name in DAEMONS}
        self._selector = selectors.DefaultSelector()
        for daemon, sock in self._sockets.items():
            self._selector.register(sock, selectors.EVENT_READ, daemon)
        self._waiting: dict[tuple[str, int], Asked] = {}
        self._number = 0

    def run(self, seconds: float) -> Took:
        """For so long, and until the last is answered or lost."""
        begun = time.monotonic()
        count = int(seconds * self._rate)
        plan = [(number / self._rate, "one", "first", f"k{number}") for number in range(count)]
        for number in range(count):
            at = number / self._rate + LATER_S
            plan += [(at, who, "known", f"k{number}") for who in ("two", "alone")]
            at += 0.5 / self._rate
            plan += [(at, who, "new", f"u{number}") for who in ("two", "alone")]
        for at, daemon, kind, label in sorted(plan):
            self._listen(begun + at)
            self._ask(daemon, kind, f"{label}-{self._label}.{ZONE}")
        ends_at = time.monotonic() + BUDGET_S
        while self._waiting and time.monotonic() < ends_at:
            self._listen(time.monotonic() + 0.1)
        self.took.lost += [
            f"{one.daemon}, {one.kind}, {one.at - begun:.1f} s after the begin"
            for one in self._waiting.values()
        ]
        self._selector.close()
        for sock in self._sockets.values():
            sock.close()
        return self.took

    def _ask(self, daemon: str, kind: str, text: str) -> None:
        self._number = (self._number + 1) & 0xFFFF
        name = names.from_text(text)
        query = self._number.to_bytes(2, "big") + _HEAD + name + b"\0\1\0\1"
        old = self._waiting.pop((daemon, self._number), None)
        if old is not None:
            self.took.lost.append(f"{old.daemon} {old.kind}")
        self._waiting[daemon, self._number] = Asked(daemon, kind, name, time.monotonic())
        self._sockets[daemon].send(query)

    def _listen(self, until: float) -> None:
        """Take replies until then."""
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._take(key.data, key.fileobj)  # type: ignore[arg-type]

    def _take(self, daemon: str, sock: socket.socket) -> None:
        try:
            reply = sock.recv(2048)
        except OSError:
            return
        now = time.monotonic()
        asked = self._waiting.pop((daemon, int.from_bytes(reply[:2], "big")), None)
        if asked is None:
            return
        self.took.by[daemon, asked.kind].append((now - asked.at) * 1000)
        is_right = not reply[3] & 15 and reply[7] == 1 and reply[-4:] == address_of(asked.name)
        if not is_right:
            text = f"{names.to_text(asked.name)} by {daemon}: {reply[2:].hex()}"
            self.took.wrong.append(text)
