"""What the daemon says of its lists, for people: `control lists show`, `control lists test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.cli.control_parts import table
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reply = dict[str, Any]


def lists(reply: Reply) -> Iterator[str]:
    """A table, and what is wrong with which."""
    if not reply["lists"]:
        yield "there are no lists: [[block]], [[allow]] (docs/policy.md)"
    else:
        heads = ("LIST", "KIND", "NAMES", "BAD LINES", "AS OF", "SOURCE")
        yield from table([heads, *map(_list, reply["lists"])])
    for one in reply["lists"]:
        if one["trouble"]:
            yield f"{one['name']}: {one['trouble']}"
    if reply["is_paused"]:
        yield f"paused: nothing is blocked for {duration(reply['paused_left_s'])} more"


def _list(one: Reply) -> tuple[str, ...]:
    age = "never good" if one["age_s"] is None else f"{duration(one['age_s'])} ago"
    rules, bad = f"{one['rules']:,}", str(one["bad"] or "")
    return one["name"], one["kind"], rules, bad, age, one["source"]


def tested(told: Reply) -> Iterator[str]:
    """What lists and policy zones say of a name."""
    state = "blocked" if told["blocked"] else "not blocked"
    yield f"{told['name']} is {state}: {told['why']}"
    if "list" in told:
        where = f" line {told['line']}" if "line" in told else ""
        rule = f": {told['rule']}" if told.get("rule") else ""
        yield f"list {told['list']}{where}{rule}"
    if "zone" in told:
        yield f"policy zone {told['zone']}: {told['action']}"


FORMS: Final[dict[str, Callable[[Reply], Iterator[str]]]] = {
    "lists show": lists,
    "lists test": tested,
}
