"""Another configuration in the place of this one, between two queries.

Whatever can fail is done first, beside what is in use: files read, parts wired, the log opened, new
sockets bound. Then comes the swap, one step of the event loop. Nothing is lost by it: sockets whose
address stayed stay open, connections of clients and to servers go on, caches and round-trip times
are handed over. A query that began before ends as it began, with the old parts, which from then on
work on caches of their own: nothing of it shows later.

What a change makes wrong is forgotten, and only that: ready replies by any change that can alter an
answer; names at and below a forward, stub or trust anchor that came, went or changed; everything by
other root hints, or by another way to validate. Large caches are gone through in slices.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from resolver.config.changes import changes, merged
from resolver.daemon import local_watch
from resolver.daemon.bind import close_all
from resolver.daemon.draining import close_each
from resolver.daemon.handover import NO_PACKETS, Ready, below, hand_over
from resolver.daemon.named_files import read_files
from resolver.daemon.policies import everybodys
from resolver.daemon.tls_contexts import is_needed
from resolver.daemon.wiring import assemble
from resolver.errors import ConfigError
from resolver.limits import HANDOVER_SECONDS
from resolver.listen.sockets import SystemListenNetwork
from resolver.operate.reloaded import NotReloaded, Reloaded
from resolver.policy.fast_paths import Keep
from resolver.policy.lists import LEADING
from resolver.protocol import names
from resolver.runtime.hop import hop
from resolver.telemetry import logs
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.changes import Change
    from resolver.config.schema import Config
    from resolver.daemon.bind import Bound, Plan, Wish
    from resolver.daemon.certificates import Identity
    from resolver.daemon.named_files import Files
    from resolver.daemon.run import Daemon
    from resolver.daemon.wiring import Parts
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name
    from resolver.operate.door_socket import Opened


class Source(NamedTuple):
    """Where the configuration comes from. *read*: what it is now, and all that is wrong with it;
    *place*: a problem that was met later, with its line of the file."""

    read: Callable[[], tuple[Config, list[ConfigError]]]
    place: Callable[[ConfigError], ConfigError] = lambda problem: problem


# Live, but no answer depends on them.
_BESIDE_ANSWERS: Final = (
    "log.", "dnstap.", "otel.", "health.", "geo.", "network.", "server.rate_limit",
    "tls.certificate", "tls.key", "tls.names", "tls.min_version", "https.",
)  # fmt: skip


# How questions are resolved from now on, and whom: replies that are ready stay right, but for those
# of zones that came, went or changed. Whatever is not named here makes them all wrong.
_KEEPS_PACKETS: Final = (
    "server.allow_from", "server.version", "server.identity", "server.nsid", "outgoing.", "root.",
    "forward ", "stub ", "warm", "resolution.qname_minimisation", "resolution.harden_glue",
    "resolution.prefetch", "resolution.query_timeout", "cache.", "dnssec.negative_trust_anchors",
    "dnssec.trust_anchors_file", "dnssec.aggressive_nsec", "rewrite",
)  # fmt: skip


def same(config: Config) -> Config:
    """It stays, and what is beside it (zones of links) is looked at anew."""
    return config


async def reload(daemon: Daemon, wanted: Config | Callable[[Config], Config] = same) -> Reloaded:
    """Have *daemon* go by what is *wanted*, which is free of faults, or by what that makes of the
    configuration that counts when it is this one's turn.

    Raises ConfigError where a file, an address or the log cannot be had: then nothing has changed.
    """
    async with daemon.reloading:
        config = wanted(daemon.config) if callable(wanted) else wanted
        before, config = daemon.parts, daemon.link_zones.added_to(config)
        found = changes(before.config, config)
        config = merged(config, found)
        gone = await local_watch.refreshed(before, config)  # large ones, so not at one go
        files = await hop(before.clock, read_files, config, before.clock)
        shown, identities = daemon.tls.identities, await _identities(daemon, config)
        log = _opened_log(config, found)
        plan = await _planned(daemon, config, log)
        door = await _planned_door(daemon, config, plan, log)
        wrong = wrong_names(before, config, files)
        differ = _differing(before, files, found)
        if wrong or differ or any(map(_changes_answers, found)):
            fresh = assemble(config, before.base, before, files)  # in which nothing fails
            await trio.lowlevel.checkpoint()  # it took half a millisecond, and so does the swap
            await hand_over(daemon, fresh, below(wrong), ready=_ready(found, before, fresh))
        else:
            before.config = config
            daemon.limit_rate()
            daemon.listeners.hand_to(before.pipeline)
            local_watch.follow(before)
        daemon.nursery.start_soon(local_watch.free, gone)
        await trio.lowlevel.checkpoint()
        if log is not None:
            logs.use(log, config.log.level)
            daemon.notes.follow()
            daemon.listeners.hand_to(daemon.parts.pipeline)
        daemon.query_logging.go_by(config.log, config.view)
        daemon.tapping.go_by(config)
        daemon.tracing.go_by(config.otel)
        daemon.link_zones.go_by()
        daemon.open_site()
        daemon.show(identities)
        daemon.control.adopt(config, door)
        _listen(daemon, plan)
    await daemon.lists.keeper.settle()
    if gone:
        differ.append("hosts and leases")
    if shown != identities:
        differ.append("the certificate")
    return Reloaded(tuple(found), tuple(differ))


async def reread(daemon: Daemon, source: Source, *, tells: bool, cause: str = "SIGHUP") -> Reloaded:
    """Have *daemon* go by what *source* reads now, and log what came of it, a line a problem.

    *source* reads in a thread. *tells* False: another process logs it. Raises NotReloaded.
    """
    config, problems = await trio.to_thread.run_sync(source.read)
    if not problems:
        try:
            done = await reload(daemon, config)
        except ConfigError as problem:
            problems = [await trio.to_thread.run_sync(source.place, problem)]
        else:
            if tells:
                logs.say(f"{cause}: {done}")
            return done
    for fault in problems if tells else ():
        logs.say(f"{cause}: not reloaded, nothing has changed: {fault}", logging.ERROR)
    raise NotReloaded(problems)


async def preview(daemon: Daemon, source: Source) -> Reloaded:
    """What `reread` would change, as far as it can be told without. Raises NotReloaded."""
    config, problems = await trio.to_thread.run_sync(source.read)
    if problems:
        raise NotReloaded(problems)
    before, config = daemon.parts, daemon.link_zones.added_to(config)
    found = changes(before.config, config)
    try:
        files = await hop(before.clock, read_files, merged(config, found), before.clock)
    except ConfigError as problem:
        raise NotReloaded([source.place(problem)]) from None
    return Reloaded(tuple(found), tuple(_differing(before, files, found)))


# Of these, everybody's stay whose name no list has a word on: what a list says that is new counts
# from when it is in force, and forgets then.
_OTHERS_AND_LISTS: Final = frozenset({"view", "block", "allow"})


def _changes_answers(change: Change) -> bool:
    return change.effect == "live" and not change.key.startswith(_BESIDE_ANSWERS)


def _ready(found: list[Change], before: Parts, fresh: Parts) -> Ready:
    """Which ready replies are right under *fresh* too."""
    if not _have_same_names(before, fresh):
        return NO_PACKETS
    wrong = {change.key for change in found if not _keeps_packets(change)}
    rewrites = {*before.config.rewrite} ^ {*fresh.config.rewrite}
    renamed = below(names.from_text(rule.from_.removeprefix("*.")) for rule in rewrites)
    if not wrong:
        return Ready(Keep.ALL, renamed.is_wrong)
    is_same = everybodys(before.config) == everybodys(fresh.config)
    is_listed = before.base.lists.touched_by(None)
    if not is_same or is_listed is None or not wrong <= _OTHERS_AND_LISTS:
        return NO_PACKETS
    return Ready(Keep.EVERYBODYS, lambda name: renamed.is_wrong(name) or is_listed(name), LEADING)


def _keeps_packets(change: Change) -> bool:
    return not _changes_answers(change) or change.key.startswith(_KEEPS_PACKETS)


def _have_same_names(before: Parts, fresh: Parts) -> bool:
    """Is what policy goes by besides keys the same: whose time it is, and what files name?"""
    old, new = before.stock.local, fresh.stock.local
    return before.tags == fresh.tags and (
        old is new or (old is not None and new is not None and old.files == new.files)
    )


# --- what has become wrong -------------------------------------------------------------------


def wrong_names(before: Parts, new: Config, files: Files) -> frozenset[Name]:
    """Names of which, and of all below which, nothing that is cached counts any more, once the
    configuration is *new*, and what its *files* hold."""
    old = before.config
    if (
        before.named_roots != files.named_roots
        or old.dnssec.validate != new.dnssec.validate
        or old.dnssec.sha1 != new.dnssec.sha1
    ):
        return frozenset({names.ROOT})
    zones = {*old.forward, *old.stub} ^ {*new.forward, *new.stub}
    moved = frozenset(names.from_text(entry.zone) for entry in zones)
    return moved | _other_anchors(before.configured, files.anchors)


def _other_anchors(before: Anchors | None, now: Anchors | None) -> frozenset[Name]:
    if before is None or now is None:
        return frozenset()
    anchors = before.by_name.items() ^ now.by_name.items()
    negatives = before.negative.items() ^ now.negative.items()
    return frozenset(name for name, _ in (*anchors, *negatives))


def _differing(before: Parts, files: Files, found: list[Change]) -> list[str]:
    """Files whose contents alone have changed."""
    keys = {change.key for change in found}
    named = []
    if "root.hints_file" not in keys and before.named_roots != files.named_roots:
        named.append("the root hints")
    if before.configured != files.anchors and not any(key.startswith("dnssec.") for key in keys):
        named.append("the trust anchors")
    if before.encryption.terms != files.encryption.terms and not any(
        key.startswith("forward ") for key in keys
    ):
        named.append("the certificates that forwarders are believed by")
    return named


async def _identities(daemon: Daemon, config: Config) -> tuple[Identity, ...]:
    """The certificates that *config* names or has made. Raises ConfigError."""
    if not daemon.sockets.is_listening or not is_needed(config):
        return ()
    return await trio.to_thread.run_sync(daemon.tls.reread, config)


# --- sockets and the log ---------------------------------------------------------------------


def _opened_log(config: Config, found: list[Change]) -> logging.Handler | None:
    """The log's new destination, if it has one. Raises ConfigError."""
    if {"log.destination", "log.level"}.isdisjoint(change.key for change in found):
        return None
    try:
        return logs.opened(config.log, directory=config.working_directory)
    except OSError as error:
        raise logs.unusable(config.log, error) from None


async def _planned(daemon: Daemon, config: Config, log: logging.Handler | None) -> Plan:
    """New sockets, bound. Raises ConfigError, and leaves all as it was."""
    network = daemon.sockets.network
    was_free = isinstance(network, SystemListenNetwork) and network.is_free
    if isinstance(network, SystemListenNetwork):
        network.is_free = config.server.freebind
    try:
        return await daemon.sockets.plan(config)
    except BaseException:
        if isinstance(network, SystemListenNetwork):
            network.is_free = was_free
        if log is not None:
            log.close()
        raise


async def _planned_door(
    daemon: Daemon, config: Config, plan: Plan, log: logging.Handler | None
) -> Opened | None:
    """The control socket for *config*. Raises ConfigError, and leaves all as it was."""
    try:
        return daemon.control.planned(config)
    except ConfigError:
        await close_all(plan.fresh.values())
        if log is not None:
            log.close()
        raise


def _listen(daemon: Daemon, plan: Plan) -> None:
    """Serve the new sockets; the old ones until their queries are answered."""
    network = daemon.parts.base.translating.network
    if isinstance(network, SystemNetwork):
        network.leave_from(daemon.config.outgoing.source_addresses)
    gone = daemon.sockets.adopt(plan, daemon.listeners)
    daemon.post()
    if gone or daemon.sockets.missing:
        patience_s = daemon.config.resolution.query_timeout
        if plan.later:  # somebody waits for the port
            patience_s = HANDOVER_SECONDS
        daemon.nursery.start_soon(_let_go, daemon, gone, patience_s)


async def _let_go(daemon: Daemon, gone: dict[Wish, Bound], patience_s: float) -> None:
    await close_each(daemon.listeners, gone, patience_s)
    daemon.sockets.try_missing(daemon.listeners)
    await daemon.listen_later()
