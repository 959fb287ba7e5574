"""A verb: what an operator may ask, who may, what it takes, and the function that does it.

The arguments of a verb are one class: a request is held against it, and the command line with its
help is made from it. What a verb answers is plain: whatever JSON can say.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    TypeAlias,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from resolver.errors import ResolverError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from resolver.operate.view import Running

    Merge: TypeAlias = Callable[[list["Reply"]], "Reply"]

Reply: TypeAlias = dict[str, Any]
# On the command line a word of its own, not an option: `flush NAME`.
WORD: Final = msgspec.Meta(extra={"word": True})


class Right(enum.Enum):
    """What somebody may do: look at numbers; or act, and see names and clients."""

    LOOK = "look"
    ACT = "act"


class Refused(ResolverError):
    """It cannot be done as it was asked: one sentence, what and why."""


class Misused(Refused):
    """Nor could it ever be, asked in this way: another name, time or option is needed."""


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a verb takes: a field for each, with a description and a bound (msgspec.Meta).

    A WORD is told by its place on the command line; a bool is an option without a value.
    """


class Nothing(Arguments, frozen=True, kw_only=True):
    """A verb that takes nothing."""


class Field(NamedTuple):
    """One argument of a verb, for who makes a command line of it.

    *kind*: bool, int, float or str, of each if there may be several (*is_many*).
    """

    name: str
    kind: type
    purpose: str
    choices: tuple[str, ...]
    is_word: bool
    is_many: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class Verb:
    """*name*: one or two words. *help*: one line.

    *run* raises Refused. With *streams* it is an asynchronous generator: a reply for each item.
    *merge* joins what several workers say; None: what one of them does is enough. *is_endless*: it
    goes on until nobody reads, and holds up nothing.
    """

    name: str
    right: Right
    help: str
    arguments: type[Arguments]
    run: Callable[[Running, Any], Awaitable[Reply]] | Callable[[Running, Any], AsyncIterator[Reply]]
    streams: bool = False
    merge: Merge | None = None
    is_endless: bool = False

    def fields(self) -> list[Field]:
        """What it takes, in the order of its arguments."""
        hints = get_type_hints(self.arguments, include_extras=True)
        return [
            _field(one.encode_name, hints[one.name], is_required=one.required)
            for one in msgspec.structs.fields(self.arguments)
        ]


def _field(name: str, hint: Any, *, is_required: bool) -> Field:
    metas = [each for each in get_args(hint)[1:] if isinstance(each, msgspec.Meta)]
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    is_many = get_origin(kind) is tuple
    if is_many:
        kind = get_args(kind)[0]
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    purpose = next((each.description for each in metas if each.description), "")
    is_word = any("word" in (each.extra or {}) for each in metas)
    return Field(name, str if choices else kind, purpose, choices, is_word, is_many, is_required)


def first(replies: list[Reply]) -> Reply:
    """What the first worker says: they all say the same."""
    return replies[0]


def summed(replies: list[Reply]) -> Reply:
    """Numbers added, lists joined, tables likewise; of anything else the first worker's."""
    joined: Reply = {}
    for reply in replies:
        for key, value in reply.items():
            joined[key] = _added(joined[key], value) if key in joined else value
    return joined


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return summed([one, other])
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    is_number = isinstance(one, int | float) and isinstance(other, int | float)
    return one + other if is_number and not isinstance(one, bool) else one
