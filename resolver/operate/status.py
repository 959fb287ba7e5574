"""status: how the daemon is, on one page: since when, where it listens, its link, what it keeps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import trio

from resolver import __version__
from resolver.config.endpoints import show
from resolver.operate.each_once import with_most
from resolver.operate.geography import Geography
from resolver.operate.sources import sources_of
from resolver.operate.stats import by_name
from resolver.operate.verb import Nothing, Right, Verb, summed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


async def status(daemon: Running, _: Nothing) -> Reply:
    """Times are Unix seconds."""
    counted = by_name(daemon)
    reply: Reply = {
        "version": __version__,
        "pid": os.getpid(),
        "started_at": round(daemon.started_at, 3),
        "up_s": round(daemon.parts.clock.wall() - daemon.started_at, 3),
        "workers": daemon.workers,
        "listening": [show(where) for where in daemon.bound],
        "missing": list(daemon.missing),
        "is_drained": daemon.is_drained,
        "link": _link(daemon),
        "queries": sources_of(counted),
        "memory": _memory(daemon, counted),
        "lists": _lists(daemon, counted),
        "geography": Geography(daemon.parts).summary(),
        "warm_names": int(counted["warm_names"]),
        "certificates": [
            {"pin": one.pin, "names": [*one.names, *one.addresses], "valid_until": one.valid_until}
            for one in daemon.certificates
        ],
    }
    return reply | _disk(daemon) | _root_copy(daemon) | _link_zones(daemon) | _policy_zones(daemon)


def _lists(daemon: Running, counted: Mapping[str, float]) -> Reply | None:
    """Block and allow lists; None: there are none."""
    rows = daemon.lists.rows()
    if not rows:
        return None
    ages = [row["age_s"] for row in rows if row["age_s"] is not None]
    return {
        "lists": len(rows),
        "names": int(counted["lists_names"]),
        "oldest_s": max(ages, default=None),
        "paused_until": daemon.overrides.paused_until,
        "troubles": [f"{row['name']}: {row['trouble']}" for row in rows if row["trouble"]],
    }


def _link(daemon: Running) -> Reply:
    """Of the public tree; the outages are those of all ways out."""
    ways, now = daemon.parts.dispatcher.ways, trio.current_time()
    public = ways.public
    is_up = not public.is_cut(now)
    changed = public.whole_since if is_up else public.cut_since
    since = daemon.started_at if changed is None else daemon.parts.clock.wall() - (now - changed)
    return {
        "is_up": is_up,
        "since": round(since, 3),
        "outages": daemon.parts.dispatcher.counters.outages,
        "outage_s": round(ways.outage_s(now), 3),
        "ways_cut_off": ways.cut_off(now),
    }


def _memory(daemon: Running, counted: Mapping[str, float]) -> Reply:
    caches = [name for name in counted if name.endswith("_cache_bytes")]
    return {
        **daemon.memory,
        "cache_octets": int(sum(counted[name] for name in caches)),
        "rrsets": int(counted["rrset_cache_entries"]),
    }


def _disk(daemon: Running) -> Reply:
    """What outlives the process, and what is shared with other machines."""
    store: Reply | None = None
    if daemon.store is not None:
        store = {"octets_written_day": daemon.written.last_day(daemon.parts.clock.now())}
    return {"store": store, "valkey": daemon.shared}


def _root_copy(daemon: Running) -> Reply:
    copy = daemon.parts.base.root_copy
    if copy.form is None:
        return {"root_copy": None}
    age_s = daemon.parts.clock.now() - copy.confirmed_at
    return {
        "root_copy": {
            "serial": copy.form.serial, "age_s": round(age_s, 3), "is_in_use": copy.is_live,
        }
    }  # fmt: skip


def _link_zones(daemon: Running) -> Reply:
    return {
        "link_zones": [
            {"zone": one.zone, "servers": [*one.hosts], "link": one.link}
            for one in daemon.link_zones
        ]
    }


def _policy_zones(daemon: Running) -> Reply:
    rows = daemon.parts.base.rpzs.rows()
    return {
        "policy_zones": [
            row._asdict() | {"age_s": None if row.age_s is None else round(row.age_s, 3)}
            for row in rows
        ]
    }


def _of_all(replies: list[Reply]) -> Reply:
    """The first worker's, but for what each has of its own."""
    joined = summed([{key: reply[key] for key in _EACH} for reply in replies])
    told = replies[0] | joined | {"link": _link_of_all([reply["link"] for reply in replies])}
    told["started_at"] = min(reply["started_at"] for reply in replies)  # one may be new
    told["up_s"] = max(reply["up_s"] for reply in replies)
    told["geography"] = with_most(replies)
    told["memory"]["caches_part"] = min(reply["memory"]["caches_part"] for reply in replies)
    told["warm_names"] = max(reply["warm_names"] for reply in replies)
    if told["store"] is not None:
        stores = [reply["store"] for reply in replies if reply["store"] is not None]
        told["store"] = summed(stores)
    return told


def _link_of_all(links: list[Reply]) -> Reply:
    """They have one link: it is down where any of them finds it so, since the first did; and up
    since the last one found it so."""
    is_up = all(link["is_up"] for link in links)
    since = [link["since"] for link in links if link["is_up"] == is_up]
    most = {name: max(link[name] for link in links) for name in ("outages", "outage_s")}
    cut = max(link["ways_cut_off"] for link in links)
    return {"is_up": is_up, "since": (max if is_up else min)(since), **most, "ways_cut_off": cut}


_EACH: Final = ("queries", "memory")

STATUS: Final = Verb("status", Right.LOOK, "how the daemon is", Nothing, status, merge=_of_all)
