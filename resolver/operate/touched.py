"""Which steps of policy have a hand in what is told of a name: by name, and what they do.

They are asked as for a client's query, with what is kept of the name; no packet is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.model import DROPPED, Query
from resolver.protocol import names
from resolver.protocol.codes import Flag, rcode_text, type_text
from resolver.protocol.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.model import Answer, Question
    from resolver.operate.view import Parts
    from resolver.policy.path import PolicyPath


def touched(parts: Parts, path: PolicyPath, question: Question) -> list[dict[str, Any]]:
    """*step*, *when* it looks ("before" resolution or "after"), and what it *does*."""
    lists = parts.base.lists
    blocked = lists.blocked  # this is no client's
    try:
        return list(_touched(parts, path, Query(Message.asking(question, Flag.RD), view=path.view)))
    finally:
        lists.blocked = blocked


def _touched(parts: Parts, path: PolicyPath, query: Query) -> Iterator[dict[str, Any]]:
    for step in path.steps:
        told = step.before(query)
        if told is not None:
            yield {"step": step.name, "when": "before", "does": f"answers {said(told)}"}
            if told.onward is None:
                return
            query = query._replace(message=Message.asking(told.onward, Flag.RD))
            break
    known = parts.resolver.recall(query.question)
    if known is None:
        return
    for step in path.steps:
        made = step.after(query, known)
        if made is not known:
            yield {"step": step.name, "when": "after", "does": f"makes it {said(made)}"}
            if made is DROPPED:
                return
            known = made
        beside = step.beside(query, known)
        if beside is not None:
            asked = f"{names.to_text(beside.qname)} {type_text(beside.qtype)}"
            yield {"step": step.name, "when": "after", "does": f"has {asked} asked, too"}


def said(told: Answer) -> str:
    """An answer of policy's in a few words, with its own: which list, which zone."""
    if told is DROPPED:
        return "nothing"
    if told.onward is not None:
        return f"an alias to {names.to_text(told.onward.qname)}"
    words = next((f": {ede.text}" for ede in told.ede if ede.text), "")
    return f"{rcode_text(told.rcode)}, {told.source.value}{words}"
