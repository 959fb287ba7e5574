"""What the daemon says to `control`, for people: lines of text.

A verb without a form of its own is shown key by key, lists of objects as tables.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from resolver.cli import control_lists, drill_shown, geo_shown, health
from resolver.cli.control_geo import geography
from resolver.cli.control_known import FORMS
from resolver.cli.control_parts import inert, table
from resolver.cli.log_lines import followed
from resolver.runtime.duration import duration
from resolver.runtime.units import octets, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reply = dict[str, Any]
    Shown = Callable[[Reply], Iterator[str]]

_GAP: Final = "  "
_CLOCKS_APART: Final = 2.0  # seconds that are worth a word


def shown(verb: str, reply: Reply) -> Iterator[str]:
    """*reply* of *verb*, a line each; nothing in it moves the cursor."""
    for line in SHOWN.get(verb, _plainly)(reply):
        yield inert(line)


def _plainly(reply: Reply) -> Iterator[str]:
    for key, value in reply.items():
        name = key.replace("_", " ")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            heads = list(value[0])
            yield f"{name}:"
            rows = [heads, *([_cell(row.get(head)) for head in heads] for row in value)]
            yield from (_GAP + line for line in table(rows))
        else:
            yield f"{name}: {_cell(value)}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- forms of their own ---------------------------------------------------------------------------


def _status(reply: Reply) -> Iterator[str]:
    since, up = time_of(reply["started_at"]), duration(reply["up_s"])
    workers = reply["workers"]
    processes = f", {workers} processes" if workers > 1 else ""
    yield f"resolver {reply['version']}, since {since} ({up}){processes}"
    drained = " (drained)" if reply["is_drained"] else ""
    yield "listening on " + (", ".join(reply["listening"]) or "nothing") + drained
    if reply["missing"]:
        yield "not bound yet: " + ", ".join(reply["missing"])
    yield link_in_words(reply["link"])
    yield from geography(reply["geography"])
    yield _queries(reply["queries"])
    yield from _memory(reply["memory"])
    yield f"kept warm: {reply['warm_names']} names in use"
    store = reply["store"]
    if store is None:
        yield "on disk: nothing is kept"
    else:
        yield f"on disk: {octets(store['octets_written_day'])} written in a day"
    if reply.get("valkey"):
        yield _valkey(reply["valkey"])
    yield _root_copy(reply["root_copy"])
    for one in reply.get("link_zones", ()):
        yield f"link {one['link']} brings {one['zone']}: {', '.join(one['servers'])}"
    if reply.get("lists"):
        yield from _lists(reply["lists"])
    yield from map(_policy_zone, reply.get("policy_zones", []))
    for one in reply["certificates"]:
        whose, until = ", ".join(one["names"]), time_of(one["valid_until"])
        yield f"certificate: for {whose or 'nobody'}, until {until}, {one['pin']}"


def _memory(memory: Reply) -> Iterator[str]:
    """What is taken of the budget, and each pool's part of it, the largest first."""
    yield (
        f"memory: {octets(memory['resident_octets'])} of {octets(memory['budget_octets'])}, caches "
        f"{octets(memory['cache_octets'])}, {memory['rrsets']} sets of records"
    )
    if memory["caches_part"] < 1:
        yield f"{_GAP}it is short: caches may have {memory['caches_part']:.0%} of their shares"
    pools = sorted(memory["pools"].items(), key=lambda pair: -pair[1]["octets"])
    rows = [
        (name.replace("_", " "), octets(pool["octets"]), octets(pool["most_octets"]))
        for name, pool in pools
        if pool["octets"]
    ]
    yield from (_GAP + line for line in table([("pool", "holds", "may hold"), *rows]))


def link_in_words(link: Reply) -> str:
    """How the way out is, of `status`."""
    state = "up" if link["is_up"] else "down"
    count = link["outages"]
    outages = f"{count or 'no'} outage{'' if count == 1 else 's'}"
    lasting = f", {duration(link['outage_s'])}" if count else ""
    cut = link["ways_cut_off"] - (not link["is_up"])
    others = f"; {cut} forward or stub zones cannot be reached" if cut > 0 else ""
    return f"link: {state} since {time_of(link['since'])} ({outages}{lasting}){others}"


def _queries(queries: Reply) -> str:
    told = ("packets", "blocked", "caches", "local", "servers", "failed")
    answered = sum(queries.get(key, 0) for key in told)
    if not answered:
        return "queries: none yet"
    hits = queries["packets"] + queries["caches"]

    def share(number: int) -> str:
        return f"{100 * number / answered:.1f} %"

    return (
        f"queries: {answered}, from memory {share(hits)}, from servers "
        f"{share(queries['servers'])}, failed {share(queries['failed'])}; {queries['stale']} stale"
        + (f"; {queries['blocked']} blocked" if queries.get("blocked") else "")
        + (f"; {queries['limited']} over a rate" if queries.get("limited") else "")
    )


def _valkey(shared: Reply) -> str:
    """What machines share, and whether our clocks agree."""
    if shared["state"] != "closed":
        return f"shared by {shared['where']}: not now ({shared['trouble'] or shared['state']})"
    said = (
        f"shared by {shared['where']}: {shared['hits']} of {shared['gets']} look-ups found "
        f"something, in {shared['took_s'] * 1000:.1f} ms of late; {shared['written']} sent"
    )
    notes = {
        "wrong": "not believed", "dropped": "left out", "refused": "refused", "timeouts": "too late"
    }  # fmt: skip
    said += "".join(f"; {shared[key]} {word}" for key, word in notes.items() if shared[key])
    ahead_s = shared["ahead_s"]
    if ahead_s is not None and abs(ahead_s) > _CLOCKS_APART:
        said += f"; its clock is {ahead_s:+.0f} s from ours: what it has counts for less"
    return said


def _root_copy(copy: Reply | None) -> str:
    if copy is None:
        return "root copy: none"
    state = "in use" if copy["is_in_use"] else "out of date"
    return f"root copy: {copy['serial']}, {state}, confirmed {duration(copy['age_s'])} ago"


def _lists(lists: Reply) -> Iterator[str]:
    paused = ", paused until " + time_of(lists["paused_until"]) if lists["paused_until"] else ""
    oldest = lists["oldest_s"]
    age = "none ever good" if oldest is None else f"the oldest as of {duration(oldest)} ago"
    yield f"lists: {lists['lists']}, with {lists['names']} names, {age}{paused}"
    for trouble in lists["troubles"]:
        yield f"{_GAP}{trouble}"


def _policy_zone(zone: Reply) -> str:
    if zone["age_s"] is None:
        state = "nothing is in force"
    else:
        serial = "" if zone["serial"] is None else f"serial {zone['serial']}, "
        state = f"{serial}{zone['triggers']} triggers, confirmed {duration(zone['age_s'])} ago"
    expired = ", expired" if zone["is_expired"] else ""
    trouble = f"; {zone['trouble']}" if zone["trouble"] else ""
    return f"policy zone {zone['zone']}: {state}{expired}{trouble}"


def _reload(reply: Reply) -> Iterator[str]:
    yield reply["said"]
    if reply["changes"]:
        heads = ("key", "before", "now", "takes effect")
        rows = [
            (each["key"], each["before"], each["now"], _EFFECTS[each["effect"]])
            for each in reply["changes"]
        ]
        yield from table([heads, *rows])


_EFFECTS: Final = {"live": "now", "reopen": "now (reopened)", "restart": "at a restart"}


def _tls_reload(reply: Reply) -> Iterator[str]:
    yield "another certificate is in use" if reply["is_other"] else "nothing has changed"
    yield from reply["pins"]


def _level(reply: Reply) -> Iterator[str]:
    yield f"the log has {reply['level']} now; {reply['before']} before"


def _reopen(reply: Reply) -> Iterator[str]:
    yield "reopened " + (", ".join(reply["reopened"]) or "nothing: the log goes to stderr")


def _drain(reply: Reply) -> Iterator[str]:
    if reply["is_drained"]:
        yield "drained: no query is taken any more; " + _waiting(reply)
    else:
        yield "listening again"


def _stop(reply: Reply) -> Iterator[str]:
    yield f"it ends; {_waiting(reply)}"


def _restart(reply: Reply) -> Iterator[str]:
    yield f"{reply['workers']} workers are made anew, one after the other; the log says when"
    if reply["changes"]:
        yield "from then on counts, too: " + ", ".join(one["key"] for one in reply["changes"])


def _waiting(reply: Reply) -> str:
    return f"{reply['in_flight'] or 'none'} of those that were there wait for an answer"


def _captive(reply: Reply) -> Iterator[str]:
    if reply["is_on"]:
        servers, left = ", ".join(reply["servers"]), duration(reply["left_s"])
        yield f"asking {servers}, unvalidated, for {left} more"
    else:
        yield "off: all goes by the configuration"


def _while(state: str, none: str) -> Shown:
    """What `block` and `allow` say: of one name, or which there are."""

    def lines(reply: Reply) -> Iterator[str]:
        if "names" not in reply:
            left = f"for {duration(reply['left_s'])}" if reply["left_s"] else "no longer"
            yield f"{reply['name']} and all below it {state} {left}"
        elif not reply["names"]:
            yield none
        for one in reply.get("names", ()):
            yield f"{one['name']} and all below it {state} for {duration(one['left_s'])} more"

    return lines


def _pause(reply: Reply) -> Iterator[str]:
    if reply["is_paused"]:
        yield f"nothing is blocked for {duration(reply['paused_left_s'])} more"
    else:
        yield "blocking goes on"


def _health(reply: Reply) -> Iterator[str]:
    yield from health.shown(reply, time.time())


SHOWN: Final[dict[str, Shown]] = {
    **FORMS,
    **control_lists.FORMS,
    "health": _health,
    "captive": _captive,
    "block": _while("is blocked", "no name is blocked by control"),
    "allow": _while("is let through", "no name is let through by control"),
    "pause": _pause,
    "drill": drill_shown.item,
    "geo zones": geo_shown.item,
    "geo survey": geo_shown.item,
    "status": _status,
    "reload": _reload,
    "tls reload": _tls_reload,
    "log follow": followed,
    "log level": _level,
    "log reopen": _reopen,
    "drain": _drain,
    "restart": _restart,
    "stop": _stop,
}
