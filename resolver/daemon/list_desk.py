"""What operators are shown of lists, and what they test (`operate.view_lists.ListDesk`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio

from resolver.budget import Share
from resolver.daemon.list_shelf import text_name
from resolver.daemon.list_terms import list_specs
from resolver.errors import ResolutionFailed, drop_frames
from resolver.limits import LIST_LINE_OCTETS, LIST_OCTETS
from resolver.model import Question
from resolver.operate.asked import client_of
from resolver.policy.list_judge import Asker
from resolver.policy.lists import ListStep
from resolver.policy.rpz import Rpz
from resolver.policy.rpz_actions import Action
from resolver.protocol import names

if TYPE_CHECKING:
    from resolver.daemon.list_room import ListRoom
    from resolver.daemon.list_shelf import Shelf
    from resolver.daemon.wiring import Parts
    from resolver.model import Name
    from resolver.policy.list_judge import Ruling
    from resolver.policy.path import PolicyPath

WHY: Final = {
    0: "allowed here", 1: "an important exception", 2: "an important rule", 3: "an exception",
    4: "a rule of a list for the client's tag", 5: "a rule",
}  # fmt: skip


_BEHIND: Final = ", for what the name leads to"


class Listing(Protocol):
    """The process, as far as lists go (`run.Daemon`)."""

    parts: Parts
    lists: ListRoom


class ListDesk:
    """Of one *daemon*."""

    def __init__(self, daemon: Listing) -> None:
        self._daemon = daemon

    def __repr__(self) -> str:
        return f"<ListDesk of {self._daemon.lists.keeper!r}>"

    def rows(self) -> list[dict[str, Any]]:
        """As `operate.view_lists`, as are the others."""
        daemon, wall = self._daemon, self._daemon.parts.clock.wall()
        table, keeper = daemon.parts.base.lists.table, daemon.lists.keeper
        there = {one.ident: one for one in table.info.lists} if table is not None else {}
        found = []
        for spec in list_specs(daemon.parts.config):
            info, known = there.get(spec.ident), keeper.known.get(spec.source)
            report = info.report if info is not None else None
            has_text = known is not None and known.good_at > 0
            found.append({
                "name": spec.name,
                "kind": "allow" if spec.is_allow else "block",
                "source": spec.url or str(spec.path),
                "rules": report.rules if report is not None else 0,
                "bad": report.bad if report is not None else 0,
                "aside": report.aside if report is not None else 0,
                "age_s": round(wall - known.good_at) if has_text and known is not None else None,
                "trouble": keeper.troubles.get(spec.ident, ""),
                "shown": report.shown if report is not None else [],
            })  # fmt: skip
        return found

    async def tested(self, name: Name, qtype: int, client: str) -> dict[str, Any]:
        """Raises Refused where *client* is no address."""
        parts = self._daemon.parts
        source = client_of(client)
        path = parts.views.of(source, "") if source else parts.views.default
        step = next((one for one in path.steps if isinstance(one, ListStep)), None)
        told: dict[str, Any] = {"name": names.to_text(name), "view": path.view.name}
        if step is None:
            told |= {"blocked": False, "why": "there are no lists"}
            return told | _by_zone(path, name, source)
        found = step.ruling(name, Asker(qtype, source, path.view.name))
        if found is None and not parts.base.lists.is_paused:
            found = await self._behind(Question(name, qtype), step, source, path.view.name)
            told |= in_words(found)
            if found is not None:
                told["why"] += _BEHIND
        else:
            told |= in_words(found, is_paused=parts.base.lists.is_paused)
        if not told["blocked"]:
            told |= _by_zone(path, name, source)
        if found is not None and found.line:
            sources = {one.ident: one.source for one in list_specs(parts.config)}
            shelf = self._daemon.lists.keeper.shelf
            source_id = sources.get(found.use.ident, "")
            told["rule"] = await trio.to_thread.run_sync(line_of, shelf, source_id, found.line)
        return told

    async def _behind(
        self, question: Question, step: ListStep, source: bytes, view: str
    ) -> Ruling | None:
        """What blocks the name for where it leads to; None: nothing does, or it does not resolve,
        or is answered here: nobody is asked then."""
        parts = self._daemon.parts
        if parts.base.lists.lets_through(question.qname):
            return None
        if parts.pipeline.before(question, view) is not None:
            return None
        budget = Share.for_client(trio.current_time() + parts.config.resolution.query_timeout)
        try:
            answer = await parts.resolver.resolve(question, budget, checking=True)
        except ResolutionFailed as error:
            drop_frames(error)
            return None
        return step.ruling_behind(answer, source, view)

    async def let_through(self, name: Name, until: float | None) -> None:
        """For a while."""
        await self._daemon.lists.overrides.let_through(name, until)

    async def block(self, name: Name, until: float | None) -> None:
        """For a while."""
        await self._daemon.lists.overrides.block(name, until)

    async def pause(self, until: float | None) -> None:
        """All of it."""
        await self._daemon.lists.overrides.pause(until)


def _by_zone(path: PolicyPath, name: Name, source: bytes) -> dict[str, Any]:
    """What a policy zone says of a name that no list blocks; nothing if none does."""
    zones = next((one for one in path.steps if isinstance(one, Rpz)), None)
    match = zones.rule_for(name, source) if zones is not None else None
    if match is None:
        return {}
    action = match.told.action
    told: dict[str, Any] = {"zone": match.zone.terms.name, "action": action.value}
    if action is Action.PASSTHRU:
        return told
    return told | {"blocked": True, "why": "a rule of a policy zone"}


def in_words(found: Ruling | None, *, is_paused: bool = False) -> dict[str, Any]:
    """What counts for a name, as a reply."""
    if found is None:
        return {"blocked": False, "why": "no list has it"}
    told: dict[str, Any] = {
        "blocked": not found.allows and not is_paused,
        "why": WHY[found.rank] + (", but blocking is paused" if is_paused else ""),
        "list": found.use.name,
    }
    if found.line:
        told["line"] = found.line
    return told


def line_of(shelf: Shelf, source: str, number: int) -> str:
    """What stands on that line of a list; "" if its text is gone. A thread's work."""
    descriptor = shelf.find(text_name(source))
    return rule_at(descriptor, number) if descriptor >= 0 else ""


def rule_at(descriptor: int, number: int) -> str:
    """The same of an open text, which is closed."""
    with os.fdopen(descriptor, "rb") as file:
        left = LIST_OCTETS
        for at, line in enumerate(file, start=1):
            left -= len(line)
            if at == number:
                return line[:LIST_LINE_OCTETS].decode("utf-8", "replace").strip()
            if left <= 0:
                break
    return ""
