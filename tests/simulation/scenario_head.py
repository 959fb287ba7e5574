"""Reads the configuration head of a scenario, line by line.

The head speaks unbound.conf: clauses (`server:`, `stub-zone:`, ...) with words below them, on the
clause's own line too; words before the first clause are those of `server:`. It may carry files. A
word that is not known is an error; what the words mean is `scenario_words`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.simulation.scenario_model import ConfiguredZone, Head
from tests.simulation.scenario_words import CLAUSES, SERVER_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.scenario_words import Word

_WORD = re.compile(r'([\w-]+):\s*("[^"]*"|[^\s"]+)?\s*')
_HASH_COMMENT = re.compile(r"(^|\s)#.*")


class HeadReader:
    """Takes the head line by line; `finish` gives what it said."""

    def __init__(self) -> None:
        self.head = Head()
        self._words: Mapping[str, Word] = SERVER_WORDS
        self._file: list[str] | None = None

    @property
    def is_within_file(self) -> bool:
        """The lines are those of a file that the head carries: nothing is stripped of them."""
        return self._file is not None

    def line(self, text: str) -> None:
        """One line. Raises ValueError with what is wrong."""
        if self._file is not None:
            if text.strip() == "TEMPFILE_END":
                self._file = None
            else:
                self._file.append(text)
            return
        text = _HASH_COMMENT.sub("", text).strip()
        first = text.split(maxsplit=1)
        if not first or first[0] == "TEMPFILE_NAME":  # the name of a file that follows
            if first and self.head.open_zone is not None:
                self.head.open_zone.settings["file"] = first[1]
            return
        if first[0] == "TEMPFILE_CONTENTS":
            self._file = self.head.files.setdefault(text.split()[-1], [])
            return
        key, colon, value = text.partition(":")
        if colon and key in CLAUSES:
            self._begin(key, value)
        else:
            self._word(key.strip(), value)

    def finish(self) -> Head:
        self._end_zone()
        for key in self.head.hidden:
            self.head.set("server", key, "")
        return self.head

    def _begin(self, clause: str, rest: str) -> None:
        self._end_zone()
        self.head.local.opened = None
        self._words, kind, feature = CLAUSES[clause]
        self.head.open_zone = ConfiguredZone(kind) if kind else None
        if feature:
            self.head.need(feature)
        at = 0
        rest = rest.strip()
        while at < len(rest):
            found = _WORD.match(rest, at)
            if found is None:
                raise ValueError(f"{rest[at:]!r} is no word with a value")
            self._word(found[1], found[2] or "")
            at = found.end()

    def _word(self, key: str, value: str) -> None:
        if key not in self._words:
            raise ValueError(f"unknown directive {key!r}")
        try:
            self._words[key](self.head, value.strip().strip('"').strip())
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error

    def _end_zone(self) -> None:
        """A stub zone of the root is the root's hints; any other is a zone of its own."""
        zone, self.head.open_zone = self.head.open_zone, None
        if zone is not None and zone.kind == "copy":
            self._end_copy(zone)
            return
        if zone is not None and zone.kind == "rpz":
            self.head.policies.append(zone)
            return
        if zone is None or not zone.addresses:
            return
        is_root = not zone.zone.strip(".")
        if zone.kind == "stub" and is_root and not zone.settings:
            self.head.root_addresses += zone.addresses
        else:
            zone.zone = "." if is_root else zone.zone
            self.head.zones.append(zone)

    def _end_copy(self, zone: ConfiguredZone) -> None:
        """Of zones held whole, only what is said of their verification can be tried here."""
        if zone.settings.get("verified"):
            self.head.copies.append(zone)
        else:
            self.head.need("authority zones")
