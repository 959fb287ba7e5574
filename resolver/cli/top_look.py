"""What `top` shows, asked of the daemon look by look."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resolver.cli.control_session import Refusal
from resolver.operate.numbers import Numbers, numbers

if TYPE_CHECKING:
    from resolver.cli.control_session import Session

    Reply = dict[str, Any]

_WINDOW: Final = 60  # looks
_GIVEN: Final[dict[str, dict[str, object]]] = {"servers": {"by": "used", "most": 50}}
_STATUS_EVERY: Final = 10  # looks: it takes the daemon ten times the work of the numbers
_KNOWN: Final = {"servers": 10, "zones": 5, "warm": 10}  # verbs, and every how many looks


class Look(NamedTuple):
    """What is shown: two replies of `stats` and what came between, `status`, and what of *known*
    the daemon tells us. *rates*: queries a second, the newest last."""

    status: Reply
    stats: Reply
    last: Numbers
    window: Numbers
    known: dict[str, Reply]
    rates: tuple[float, ...]


class Watcher:
    """Asks by *session*."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: deque[Reply] = deque(maxlen=_WINDOW)
        self._rates: deque[float] = deque(maxlen=_WINDOW)
        self._known: dict[str, Reply] = {}
        self._closed: set[str] = set()
        self._looks = 0
        self._status: Reply = {}
        self._seen.append(session.ask("stats"))

    def look(self) -> Look:
        """How it is now. Raises NoDaemon, Refusal."""
        stats = self._session.ask("stats")
        if not self._looks % _STATUS_EVERY:
            self._status = self._session.ask("status")
        last, window = numbers(stats, self._seen[-1]), numbers(stats, self._seen[0])
        self._seen.append(stats)
        self._rates.append(last.queries_s)
        self._look_up()
        return Look(self._status, stats, last, window, self._known, tuple(self._rates))

    def _look_up(self) -> None:
        """What takes a right that we may not have is left out then."""
        for verb, every in _KNOWN.items():
            if verb in self._closed or self._looks % every:
                continue
            try:
                self._known[verb] = self._session.ask(verb, **_GIVEN.get(verb, {}))
            except Refusal:
                self._closed.add(verb)
        self._looks += 1
