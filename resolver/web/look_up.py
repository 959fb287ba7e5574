"""What `why` says of a name, for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.runtime.duration import duration
from resolver.web.html import Html, joined, table, tag
from resolver.web.panels_known import ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Reply = dict[str, Any]

_SERVERS: Final = 3  # of each cut
_RECORDS: Final = 8
_SIGNATURE: Final = " IN RRSIG "  # which says nothing to people


def story(told: Reply) -> Html:
    """The sentence first; then link by link, cut by cut."""
    parts = [tag("p", tag("strong", told["because"]))]
    parts += [
        tag("p", f"In another worker: {said}", class_="note") for said in told.get("elsewhere", ())
    ]
    if told.get("policy"):
        parts.append(tag("p", f"Policy: {'; '.join(map(_step, told['policy']))}"))
    parts += map(_link, told["links"])
    if told["cuts"]:
        parts += [tag("h3", "Whom it would ask"), _cuts(told["cuts"])]
    if told["trust"]:
        parts += [tag("h3", "Chain of trust"), _trust(told["trust"])]
    if told["views"]:
        said = ", ".join(f"{view}: {answer}" for view, answer in told["views"].items())
        parts.append(tag("p", f"Views that answer themselves: {said}", class_="note"))
    return joined(parts)


def _step(step: Any) -> str:
    """A step of policy, whatever the daemon says of it."""
    if isinstance(step, dict):
        return ", ".join(str(value) for value in step.values() if value not in (None, ""))
    return str(step)


def _link(link: Reply) -> Html:
    left = link.get("left_s")
    facts = [link["state"], *(link[key] for key in ("verdict", "status") if key in link)]
    if "zone" in link:
        facts.append(f"of {link['zone']}")
    if left is not None:
        facts.append(f"{duration(left)} left" if left >= 0 else f"over for {duration(-left)}")
    if renewal := link.get("renewal"):
        facts.append(f"renewed {renewal['when']}")
    failed = [f"{kind} {link[kind]}" for kind in ("failure", "bogus") if kind in link]
    lines = [line for line in link.get("records", ()) if _SIGNATURE not in line]
    records = [tag("li", tag("code", line)) for line in lines[:_RECORDS]]
    return joined((
        tag("h3", f"{link['name']} {link['type']}"),
        tag("p", ", ".join([*facts, *failed])),
        tag("ul", *records, class_="records") if records else Html(),
    ))  # fmt: skip


def _cuts(cuts: Sequence[Reply]) -> Html:
    rows = [
        (
            cut["zone"],
            f"{server['address']} {server.get('nameserver', '')}".strip(),
            ms(server["rtt_ms"]), server["state"],
            server.get("instance") or "–", server.get("distance") or "–",
        )
        for cut in cuts
        for server in cut["servers"][:_SERVERS]
    ]  # fmt: skip
    heads = ("Zone", "Server", "Round trip", "State", "Instance", "Distance")
    return table(heads, rows, label="Zone cuts from the root down, with their nearest servers")


def _trust(rows: Sequence[Reply]) -> Html:
    shown = [
        (
            row["zone"],
            "trust anchor" if "anchor" in row else row.get("status", "–"),
            ", ".join(map(str, row.get("keys") or row.get("anchor") or ())) or "–",
            row.get("flaw") or ("not validated" if "negative_anchor_left_s" in row else "sound"),
        )
        for row in rows
    ]
    return table(("Zone", "Status", "Keys", "Finding"), shown, label="Keys, the anchor first")


def done(do: str, told: Reply) -> Html:
    """What an action came to, in a sentence."""
    return tag("p", _DONE[do](told))


def _flushed(told: Reply) -> str:
    counted = [f"{count} {where.replace('_', ' ')}" for where, count in told["forgotten"].items()]
    return "Forgotten: " + (", ".join(counted) or "nothing was kept")


def _paused(told: Reply) -> str:
    if told["is_paused"]:
        return f"Nothing is blocked for {duration(told['paused_left_s'])}."
    return "Lists block again."


def _allowed(told: Reply) -> str:
    return f"{told['name']} is let through for {duration(told['left_s'])}."


def _reloaded(told: Reply) -> str:
    return str(told["said"])


_DONE: Final[dict[str, Callable[[Reply], str]]] = {
    "flush": _flushed,
    "allow": _allowed,
    "pause": _paused,
    "resume": _paused,
    "reload": _reloaded,
}
