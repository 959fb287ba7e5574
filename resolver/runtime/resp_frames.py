"""The frames of RESP3, which Valkey and Redis speak, looked at before a library reads them.

coredis reads whatever comes: values of any size are gathered in memory, messages that nobody asked
for are kept, and lists in lists to a depth at which the interpreter ends by a signal (100,000, in
400 kB). So each octet passes here first. What is too large, too deep, or more than was asked for is
an error of the connection, before it is gathered. What is in the frames is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.errors import WireError
from resolver.limits import (
    SHARED_LINE_OCTETS,
    SHARED_REPLY_DEPTH,
    SHARED_REPLY_ITEMS,
    SHARED_REPLY_OCTETS,
    SHARED_VALUE_OCTETS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LINES: Final = frozenset(b"+-:_,#(")
_VALUES: Final = frozenset(b"$=")
_LISTS: Final = frozenset(b"*~%")
_MAP: Final = ord("%")
_END: Final = 2  # octets of CR LF


class RespFrames:
    """Of one connection. *asked*: for how many replies it waits now."""

    __slots__ = ("_asked", "_items", "_left", "_line", "_reply", "_skip")

    def __init__(self, asked: Callable[[], float]) -> None:
        self._asked = asked
        self._line = b""  # the beginning of one
        self._skip = 0  # octets of a value that are still to come
        self._left: list[int] = []  # of each list that is open, how much is to come
        self._reply = 0  # octets of this reply so far
        self._items = 0  # and how much its lists have announced

    def __repr__(self) -> str:
        return f"<RespFrames, {len(self._left)} lists open>"

    def feed_untrusted(self, data: bytes) -> None:
        """See that *data*, what came next, may be read. Raises WireError only. O(octets)."""
        at, size, ended = 0, len(data), 0
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
                self._grow(step)
                at += step
                if not self._skip:
                    ended += self._is_reply_over()
                continue
            end = data.find(b"\n", at) + 1
            if not end:
                self._line += data[at:]
                if len(self._line) > SHARED_LINE_OCTETS:
                    raise WireError("a reply has a line without end")
                break
            line, self._line = self._line + data[at:end], b""
            self._grow(len(line))
            at = end
            ended += self._begin(line)
        if ended > self._asked():
            raise WireError("a reply came that nobody had asked for")

    def _grow(self, octets: int) -> None:
        self._reply += octets
        if self._reply > SHARED_REPLY_OCTETS:
            raise WireError("a reply is too large")

    def _begin(self, line: bytes) -> bool:
        """Is a reply over with this *line*?"""
        if len(line) > SHARED_LINE_OCTETS or line[-_END:] != b"\r\n" or len(line) == _END:
            raise WireError("a reply has a line that is none")
        kind = line[0]
        if kind in _LINES:
            return self._is_reply_over()
        if kind not in _VALUES and kind not in _LISTS:
            raise WireError("a reply is of a kind that nobody had asked for")
        try:
            count = int(line[1:-_END])
        except ValueError:
            raise WireError("a reply has a size that is none") from None
        if count < -1:
            raise WireError("a reply has a size that is none")
        if kind in _VALUES:
            if count > SHARED_VALUE_OCTETS:
                raise WireError("a reply has a value that is too large")
            self._skip = count + _END if count >= 0 else 0
            return count < 0 and self._is_reply_over()
        return self._is_reply_over() if count <= 0 else self._open(count, is_map=kind == _MAP)

    def _open(self, count: int, *, is_map: bool) -> bool:
        """A list begins. False: no reply is over with that."""
        if is_map:
            count *= 2
        self._items += count
        if self._items > SHARED_REPLY_ITEMS:
            raise WireError("a reply has too many values")
        if len(self._left) >= SHARED_REPLY_DEPTH:
            raise WireError("a reply has lists in lists that go too deep")
        self._left.append(count)
        return False

    def _is_reply_over(self) -> bool:
        """One thing is whole: is its list then, and what that is in?"""
        left = self._left
        while left:
            left[-1] -= 1
            if left[-1]:
                return False
            left.pop()
        self._reply = self._items = 0
        return True
