"""A line of the control socket: whatever it holds, it is a request or a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from resolver.limits import CONTROL_ID_OCTETS
from resolver.operate.request import (
    NotUnderstood,
    error_line,
    reply_line,
    request_untrusted,
)
from resolver.operate.verb import WORD, Arguments, Reply, Right, Verb

if TYPE_CHECKING:
    from resolver.operate.view import Running


class _Given(Arguments, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="a name", max_length=20), WORD]
    below: bool = False


async def _run(_: Running, given: _Given) -> Reply:
    return {"name": given.name}


VERBS = {"flush": Verb("flush", Right.ACT, "forget a name", _Given, _run)}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_NEAR = st.dictionaries(
    st.sampled_from(["id", "do", "name", "below", "x"]), _JSON | st.just("flush"), max_size=5
)
_LINES = (
    st.binary(max_size=200)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | _NEAR.map(lambda value: json.dumps({"do": "flush", **value}).encode())
    | st.integers(1, 4000).map(lambda depth: b"[" * depth)
    | st.integers(1, 4000).map(lambda depth: b'{"do":' * depth)
)


@given(_LINES)
def test_any_line_is_a_request_or_a_sentence_untrusted(line: bytes) -> None:
    """Nothing but NotUnderstood, a WireError; what is answered is a line with the id that came."""
    try:
        request = request_untrusted(line, VERBS)
    except NotUnderstood as error:
        out = error_line(error.id, str(error))
        assert json.loads(out)["ok"] is False
    else:
        assert isinstance(request.given, _Given)
        out = reply_line(request.id, {})
        assert json.loads(out)["id"] == json.loads(line).get("id") == request.id
    assert out.count(b"\n") == 1


def test_a_request_names_a_verb_and_what_it_takes() -> None:
    request = request_untrusted(b'{"id":7,"do":"flush","name":"a.b","below":true}', VERBS)
    assert (request.id, request.verb.name) == (7, "flush")
    assert request.given == _Given(name="a.b", below=True)
    assert request_untrusted(b'{"do":"flush","name":"a"}', VERBS).id is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"flush", "not a line of JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1]", "not a JSON object"),
        (b"{}", '"do" must name a verb'),
        (b'{"do":"flusch"}', 'did you mean "flush"?'),
        (b'{"do":"flush"}', "flush: Object missing required field `name`"),
        (b'{"do":"flush","name":7}', "flush: name: expected str, got int"),
        (b'{"do":"flush","name":"a","zone":"b"}', "unknown field `zone`"),
        (b'{"do":"flush","name":"%s"}' % (b"a" * 21), "length <= 20"),
        (b'{"id":1.5,"do":"flush","name":"a"}', '"id" must be a number, or text'),
    ],
)
def test_what_is_not_understood_is_told(line: bytes, said: str) -> None:
    with pytest.raises(NotUnderstood) as told:
        request_untrusted(line, VERBS)
    assert said in str(told.value)


@pytest.mark.reaches("CONTROL_ID_OCTETS")
def test_an_id_is_short_for_it_is_sent_back() -> None:
    fits = "x" * CONTROL_ID_OCTETS
    line = msgspec.json.encode({"id": fits, "do": "flush", "name": "a"})
    assert request_untrusted(line, VERBS).id == fits
    line = msgspec.json.encode({"id": fits + "x", "do": "flush", "name": "a"})
    with pytest.raises(NotUnderstood, match="octets at most"):
        request_untrusted(line, VERBS)


def test_a_fault_keeps_the_id() -> None:
    with pytest.raises(NotUnderstood) as told:
        request_untrusted(b'{"id":"a7","do":"nothing"}', VERBS)
    assert told.value.id == "a7"
