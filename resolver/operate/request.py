"""A line of the control socket → a request. Whatever it holds: a Request, or WireError.

One JSON object a line: `do` names the verb, `id` comes back with the reply, all else are the verb's
arguments. A verb that is not known, or an argument that does not fit, is told in one sentence.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from resolver.errors import WireError
from resolver.limits import CONTROL_ID_OCTETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.operate.verb import Arguments, Reply, Verb

Id: TypeAlias = int | str | None
_SHOWN: Final = 80  # characters of what is not understood


class Request(NamedTuple):
    """*verb* with what it takes; *id* is the client's own, and comes back. *token*: what it shows
    to be let do more than it may by itself."""

    id: Id
    verb: Verb
    given: Arguments
    token: str = ""


class NotUnderstood(WireError):
    """The line is no request; *id* as far as it can be told."""

    def __init__(self, sentence: str, id: Id = None) -> None:
        super().__init__(sentence)
        self.id = id


def request_untrusted(line: bytes, verbs: Mapping[str, Verb]) -> Request:
    """What *line* asks for. Raises NotUnderstood, a WireError."""
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise NotUnderstood(f"not a line of JSON: {reason}") from None
    if not isinstance(document, dict):
        raise NotUnderstood('not a JSON object such as {"id": 1, "do": "status"}')
    id = _id(document.pop("id", None))
    word, token = document.pop("do", None), document.pop("token", "")
    if not isinstance(word, str):
        raise NotUnderstood('"do" must name a verb, such as "status"', id)
    if not isinstance(token, str):
        raise NotUnderstood('"token" must be text', id)
    verb = verbs.get(word)
    if verb is None:
        raise NotUnderstood(_unknown(word, verbs), id)
    try:
        given = msgspec.convert(document, verb.arguments)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"{word}: {_wrong(str(error))}", id) from None
    return Request(id, verb, given, token)


def _id(value: Any) -> Id:
    """*value*, where it can be sent back as it came."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and len(value.encode("utf-8", "replace")) <= CONTROL_ID_OCTETS:
        return value
    raise NotUnderstood(f'"id" must be a number, or text of {CONTROL_ID_OCTETS} octets at most')


def _wrong(said: str) -> str:
    """The library's "Expected `int` >= 1 - at `$.days`", with the argument first."""
    what, _, where = said.replace("`", "").partition(" - at $.")
    return f"{where}: {what[:1].lower()}{what[1:]}" if where else said


def _unknown(word: str, verbs: Mapping[str, Verb]) -> str:
    close = difflib.get_close_matches(word[:_SHOWN], verbs, n=1)
    guess = f'; did you mean "{close[0]}"?' if close else ""
    return f"there is no verb {word[:_SHOWN]!r}{guess}"


def reply_line(id: Id, reply: Reply) -> bytes:
    """A reply as it goes out: what was asked was done."""
    return msgspec.json.encode({"id": id, "ok": True, **reply}) + b"\n"


def error_line(id: Id, sentence: str, *, is_misuse: bool = False) -> bytes:
    """What goes out where nothing was done. *is_misuse*: nor ever will be, asked in this way."""
    reply = {"id": id, "ok": False, "error": sentence}
    return msgspec.json.encode(reply | {"misuse": True} if is_misuse else reply) + b"\n"
