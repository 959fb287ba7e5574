"""Names asked of the daemons of a site, and how each took it.

`one` is asked for each name first; a second later `two`, which may know it from Redis, and `alone`,
which cannot. Other names, new to everybody, are asked of these two as well. Each question has a
moment of its own, by chance: asked at one moment, the first would have the processor before the
other. What is told is compared with the truth when all is over.
"""

from __future__ import annotations

import math
import random
import selectors
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.valkey.site import DAEMONS, client
from bench.valkey.truth import ZONE, fault_of_untrusted, text_of
from resolver.protocol import names

if TYPE_CHECKING:
    import socket

    from bench.valkey.site import Site

LATER_S: Final = 1.0
BUDGET_S: Final = 5.0  # of a miss: what is not answered by then is lost
CLIENTS: Final = 8  # what one client asks goes to one worker
_FORMS: Final = {3: "g", 7: "a"}  # of ten names: one that does not exist, one alias
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

    def add(self, other: Took) -> None:
        """What *other* took, too."""
        for key, found in other.by.items():
            self.by[key] += found
        self.wrong += other.wrong
        self.lost += other.lost


class Load:
    """Asks the daemons of *site*, *rate* names of each kind a second."""

    def __init__(self, site: Site, *, rate: float, label: str) -> None:
        self.took = Took()
        self._rate = rate
        self._label = label
        self._rng = random.Random(label)
        self._sockets: dict[str, list[socket.socket]] = defaultdict(list)
        self._selector = selectors.DefaultSelector()
        for daemon in DAEMONS:
            for number in range(CLIENTS):
                sock = client(site.here, daemon, number)
                self._selector.register(sock, selectors.EVENT_READ, daemon)
                self._sockets[daemon].append(sock)
        self._waiting: dict[tuple[str, int], Asked] = {}
        self._told: list[tuple[Asked, bytes]] = []
        self._number = 0

    def run(self, seconds: float) -> Took:
        """For so long, and until the last is answered or lost."""
        begun = time.monotonic()
        for at, daemon, kind, label in self._plan(int(seconds * self._rate)):
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
        for sock in (sock for several in self._sockets.values() for sock in several):
            sock.close()
        self._compare()
        return self.took

    def _plan(self, count: int) -> list[tuple[float, str, str, str]]:
        """Of each question the moment, whom, which kind, the label."""
        plan, chance = [], self._rng.random
        for number in range(count):
            at, form = number / self._rate, _FORMS.get(number % 10, "")
            known, new = f"{form or 'k'}{number}", f"{form or 'u'}{number}n"
            plan.append((at + chance() / self._rate, "one", "first", known))
            for who in ("two", "alone"):
                plan.append((at + LATER_S + (1 + chance()) / self._rate, who, "known", known))
                plan.append((at + LATER_S + (1 + chance()) / self._rate, who, "new", new))
        return sorted(plan)

    def _ask(self, daemon: str, kind: str, text: str) -> None:
        self._number = (self._number + 1) & 0xFFFF
        name = names.from_text(text)
        query = self._number.to_bytes(2, "big") + _HEAD + name + b"\0\1\0\1"
        old = self._waiting.pop((daemon, self._number), None)
        if old is not None:
            self.took.lost.append(f"{old.daemon} {old.kind}")
        self._waiting[daemon, self._number] = Asked(daemon, kind, name, time.monotonic())
        self._sockets[daemon][self._number % CLIENTS].send(query)

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
        if asked is not None:
            self.took.by[daemon, asked.kind].append((now - asked.at) * 1000)
            self._told.append((asked, reply))

    def _compare(self) -> None:
        for asked, reply in self._told:
            fault = fault_of_untrusted(reply, asked.name)
            if fault:
                self.took.wrong.append(f"{text_of(asked.name)} by {asked.daemon}: {fault}")
