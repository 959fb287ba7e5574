"""A verb describes itself: to who makes a command line of it, and to who asks several workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from msgspec import Meta

from resolver.operate.verb import WORD, Arguments, Field, Nothing, Reply, Right, Verb, summed
from resolver.operate.verbs import VERBS

if TYPE_CHECKING:
    from resolver.operate.view import Running


class _Given(Arguments, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="which"), WORD]
    level: Annotated[Literal["low", "high"], Meta(description="how much"), WORD] = "low"
    below: Annotated[bool, Meta(description="with all below")] = False
    for_s: Annotated[float, Meta(description="seconds", ge=0)] = 1.0
    types: Annotated[tuple[Annotated[str, Meta(max_length=9)], ...], Meta(description="of")] = ()


async def _run(_: Running, __: _Given) -> Reply:
    return {}


def test_its_arguments_are_described() -> None:
    fields = Verb("test", Right.LOOK, "a test", _Given, _run).fields()
    assert fields == [
        Field("name", str, "which", (), is_word=True, is_many=False, is_required=True),
        Field("level", str, "how much", ("low", "high"), is_word=True, is_many=False,
              is_required=False),
        Field("below", bool, "with all below", (), is_word=False, is_many=False, is_required=False),
        Field("for_s", float, "seconds", (), is_word=False, is_many=False, is_required=False),
        Field("types", str, "of", (), is_word=False, is_many=True, is_required=False),
    ]  # fmt: skip
    assert Verb("test", Right.LOOK, "a test", Nothing, _run).fields() == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_says_what_it_takes(verb: Verb) -> None:
    assert verb.help
    assert [field.name for field in verb.fields() if not field.purpose] == []
    assert len(verb.name.split()) <= 2
    assert verb.fields() == [] or not {"id", "do"} & {field.name for field in verb.fields()}


def test_what_workers_say_is_added_up() -> None:
    one: Reply = {"n": 1, "of": {"a": 2}, "which": ["x"], "is_up": True, "name": "one"}
    other: Reply = {"n": 2, "of": {"a": 3, "b": 1}, "which": ["y"], "is_up": False, "new": 7}
    assert summed([one, other]) == {
        "n": 3, "of": {"a": 5, "b": 1}, "which": ["x", "y"], "is_up": True, "name": "one", "new": 7,
    }  # fmt: skip
