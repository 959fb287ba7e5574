"""resolver control VERB: asks the daemon, and shows what it says, to people or to programs.

Some verbs are commands of their own, too (`pops`, `why`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from resolver.cli import control_load, control_stats
from resolver.cli.control_parts import inert, json_line
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.cli.control_shown import shown
from resolver.errors import ConfigError, Kind
from resolver.operate.verbs import BY_NAME

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from resolver.operate.verb import Field, Verb

    ByHand = Callable[[Session, argparse.Namespace], int]

FAILED = 1
WRONG_USE = 2
# Verbs that take more than a question and its answer.
BY_HAND: dict[str, ByHand] = {"stats": control_stats.run, "cache load": control_load.run}


_HEAD = frozenset({"id", "ok"})


def run(options: argparse.Namespace) -> int:
    """0 done; 1 the daemon cannot be asked, or refused; 2 wrong use."""
    verb = BY_NAME[options.verb]
    try:
        given = arguments_of(verb, options)
        path = path_of(options.socket, options.config)
    except ConfigError as error:
        print(f"resolver {options.command}: {error}", file=sys.stderr)
        return WRONG_USE
    try:
        with Session(path) as session:
            if verb.name in BY_HAND:
                return BY_HAND[verb.name](session, options)
            for line in session.lines(verb.name, streams=verb.streams, **given):
                show(verb, line, is_json=options.json)
    except (NoDaemon, Refusal) as error:
        print(inert(f"resolver {options.command}: {error}"), file=sys.stderr)
        return WRONG_USE if isinstance(error, Refusal) and error.is_misuse else FAILED
    return 0


def show(verb: Verb, line: bytes, *, is_json: bool) -> None:
    """Print one reply. Raises Refusal where not every worker did it; of what has no end that is
    told beside it."""
    reply: dict[str, Any] = msgspec.json.decode(line)
    failed = reply.pop("failed", [])
    if is_json:
        print(json_line(line))
    elif not failed or len(reply) > len(_HEAD):
        for text in shown(verb.name, {key: reply[key] for key in reply if key not in _HEAD}):
            print(text)
    sys.stdout.flush()
    if not failed:
        return
    told = "; ".join(f"worker {one['worker']}: {one['error']}" for one in failed)
    if not verb.is_endless:
        raise Refusal(told)
    print(f"resolver control: {told}", file=sys.stderr)


def arguments_of(verb: Verb, options: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of the arguments of *verb*. Raises ConfigError."""
    fields = verb.fields()
    given = {
        field.name: value
        for field in fields
        if not field.is_word
        and (value := getattr(options, field.name)) is not None
        and value is not False  # 0 is a value
    }
    words = list(getattr(options, "words", ()))
    for field in fields:
        if field.is_word:
            given |= _worded(field, words)
    if words:
        raise ConfigError("words", words[0], "no more of them")
    return given


def _worded(field: Field, words: list[str]) -> dict[str, Any]:
    """The value of *field*, taken from the front of *words*."""
    if not words:
        if field.is_required:
            raise ConfigError(field.name.upper(), None, field.purpose, kind=Kind.ABSENT)
        return {}
    if field.is_many:
        taken, words[:] = [*words], []
        return {field.name: taken}
    word = words.pop(0)
    if field.choices and word not in field.choices:
        raise ConfigError(field.name.upper(), word, " or ".join(field.choices))
    try:
        return {field.name: field.kind(word)}
    except ValueError:
        raise ConfigError(field.name.upper(), word, field.purpose) from None
