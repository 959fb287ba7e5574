"""What a form may have done: a verb of the control socket each, with the token that was shown."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.errors import WireError
from resolver.limits import WEB_DRILL_SECONDS
from resolver.web import look_up
from resolver.web.asking import Away
from resolver.web.drill_shown import drilled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from resolver.web.asking import Daemon
    from resolver.web.html import Html

    Form = Mapping[str, str]
    Asked = tuple[str, dict[str, Any]]


def _flush(form: Form) -> Asked:
    return "flush", {"name": form.get("name", "")} | ({"below": True} if form.get("below") else {})


DRILL: Final = "drill"
_ACTS: Final[dict[str, Callable[[Form], Asked]]] = {
    "why": lambda form: (
        "why", {"name": form.get("name", ""), "type": form.get("type", "") or "A"},
    ),
    "flush": _flush,
    "allow": lambda form: ("allow", {"name": form.get("name", ""), "for": "1h"}),
    "pause": lambda _: ("pause", {"time": "5m"}),
    "resume": lambda _: ("pause", {"time": "off"}),
    "reload": lambda _: ("reload", {}),
}  # fmt: skip


async def done(daemon: Daemon, form: Form, token: str) -> tuple[Html, str]:
    """Do what *form* says; what came of it, and where that belongs. Raises WireError, Refusal,
    Away."""
    do = form.get("do", "")
    if do == DRILL:
        return drilled(await drill(daemon, token)), DRILL
    act = _ACTS.get(do)
    if act is None:
        raise WireError(f"one of {', '.join(_ACTS)}")
    verb, given = act(form)
    if given.get("name") == "list":
        given["name"] = "list."  # a name here, whatever it means to `allow`
    told = await daemon.ask(verb, token=token, **given)
    return (look_up.story(told) if do == "why" else look_up.done(do, told)), "result"


async def drill(daemon: Daemon, token: str) -> list[dict[str, Any]]:
    """The report, and the names that fail; it takes seconds. Raises Refusal, Away."""
    found: list[dict[str, Any]] = []
    with trio.move_on_after(WEB_DRILL_SECONDS) as patience:
        async with aclosing(daemon.items(DRILL, token=token)) as items:
            found.extend([item async for item in items if "progress" not in item])
    if patience.cancelled_caught:
        raise Away("the drill takes too long")
    return found
