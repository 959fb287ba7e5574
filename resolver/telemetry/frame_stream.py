"""Frame Streams, in which dnstap travels: frames with their length, and a word before and after.

To a socket: we say READY and what is sent, the receiver ACCEPT, we START; at the end STOP, and it
may say FINISH. To a file: START and STOP alone. https://farsightsec.github.io/fstrm/
Some forty lines, so no library: fstrm's for Python has the same ones, and no limits.
"""

from __future__ import annotations

from typing import Final

from resolver.errors import WireError
from resolver.limits import DNSTAP_CONTROL_OCTETS

CONTENT_TYPE: Final = b"protobuf:dnstap.Dnstap"
ACCEPT, _START, _STOP, _READY, FINISH = range(1, 6)
_FIELD_CONTENT_TYPE: Final = 1
_WORD: Final = 4
HEAD_OCTETS: Final = 2 * _WORD  # of a control frame: the escape, its length


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def _control(kind: int, *, says_what: bool) -> bytes:
    field = _word(_FIELD_CONTENT_TYPE) + _word(len(CONTENT_TYPE)) + CONTENT_TYPE
    body = _word(kind) + (field if says_what else b"")
    return _word(0) + _word(len(body)) + body


READY: Final = _control(_READY, says_what=True)
START: Final = _control(_START, says_what=True)
STOP: Final = _control(_STOP, says_what=False)


def length_untrusted(head: bytes) -> int:
    """Octets that follow the *head* of a receiver's control frame. Raises WireError."""
    length = int.from_bytes(head[_WORD:HEAD_OCTETS], "big")
    if len(head) != HEAD_OCTETS or any(head[:_WORD]):
        raise WireError("no control frame")
    if not _WORD <= length <= DNSTAP_CONTROL_OCTETS:
        raise WireError(f"a control frame of {length} octets")
    return length


def control_untrusted(body: bytes) -> int:
    """The kind of a receiver's control frame, which takes what we send. Raises WireError."""
    kind, at = int.from_bytes(body[:_WORD], "big"), _WORD
    types = []
    while at < len(body):
        field = int.from_bytes(body[at : at + _WORD], "big")
        length = int.from_bytes(body[at + _WORD : at + 2 * _WORD], "big")
        at += 2 * _WORD + length
        if at > len(body) or field != _FIELD_CONTENT_TYPE:
            raise WireError("a control frame with a strange field")
        types.append(body[at - length : at])
    if types and CONTENT_TYPE not in types:
        raise WireError("the receiver takes something else than dnstap")
    return kind
