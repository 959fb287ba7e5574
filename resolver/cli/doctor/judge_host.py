"""What this machine is set to, judged: daemon, port, and whether programs come to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.doctor.finding import fine, note, trouble, unknown

if TYPE_CHECKING:
    from resolver.cli.doctor.evidence import Evidence
    from resolver.cli.doctor.finding import Finding

_STUB = frozenset({"127.0.0.53", "127.0.0.54"})  # systemd-resolved's own


def configuration(e: Evidence) -> Finding:
    """Would a daemon start with it?"""
    if e.host.config_problems:
        return trouble(
            "configuration",
            "the configuration is refused: no daemon starts with it",
            e.host.config_problems,
            "mend it; resolver check FILE says when it is right",
        )
    if e.host.config_notes:
        seen, advice = e.host.config_notes, "resolver check FILE says the same"
        return note("configuration", "something in the configuration is unwise", seen, advice)
    return fine("configuration")


def daemon(e: Evidence) -> Finding:
    """Does it run, and does it resolve?"""
    host = e.host
    if not host.place or host.told is None:
        if host.door:
            return _elsewhere(e)
        if _is_named(e):
            return trouble(
                "daemon",
                "programs of this machine ask the resolver, which does not run",
                (f"/etc/resolv.conf names {_first(e)}, where no daemon of ours answers",),
                "systemctl start resolver; journalctl -u resolver says why it does not",
            )
        where = ", ".join(host.listens) or "anywhere"
        return note(
            "daemon",
            "the resolver does not run",
            (f"looked for at {where}",),
            "resolver install sets it up; systemctl start resolver starts it",
        )
    told = host.told
    if told.rcode == "NOERROR":
        return fine("daemon")
    seen = (f"{host.place} answers {told.rcode} for the root", *told.reasons, *_door(e))
    return trouble(
        "daemon",
        "the daemon does not resolve",
        seen,
        "the other findings may say why; resolver trace . NS shows whom it asks",
    )


def _elsewhere(e: Evidence) -> Finding:
    """Its control door opens, and yet nobody answers where one would ask."""
    where = ", ".join(e.host.listens) or "the addresses of the configuration"
    seen = (f"no answer of ours at {where}", *_door(e))
    title = "the daemon runs, and does not answer where its configuration says"
    advice = (
        "resolver control status says where it listens; another configuration? --config FILE names "
        "it, resolver control reload has it go by the file as it is now"
    )
    return (trouble if _is_named(e) else note)("daemon", title, seen, advice)


def _door(e: Evidence) -> tuple[str, ...]:
    return (f"it says of itself: {e.host.door}",) if e.host.door else ()


def outage(e: Evidence) -> Finding:
    """Does the daemon say that a way out is cut off?"""
    if not e.host.door:
        return unknown("outage", "the control door was not asked, or does not open for you")
    if not e.host.is_cut:
        return fine("outage")
    return trouble(
        "outage",
        "the daemon says that a way out is cut off",
        (e.host.door,),
        "it answers from what it knows, and looks by itself for the end of it",
    )


def port(e: Evidence) -> Finding:
    """Has another program what the daemon listens on?"""
    if e.host.place or not e.host.holders:
        return fine("port")
    seen = tuple(f"{one.where} ({one.kind}): {one.who}" for one in e.host.holders)
    advice = "stop it: systemctl disable --now UNIT; or choose another address: server.listen"
    if _is_named(e) or e.host.has_config:
        return trouble("port", "another program has the port of the resolver", seen, advice)
    title = "another program has the port that the resolver would take"
    return note("port", title, seen, advice)


def resolv_conf(e: Evidence) -> Finding:
    """Do programs of this machine come to us?"""
    host, about = e.host, "resolv.conf"
    writer = (host.writer,) if host.writer else ()
    if host.resolv_conf is None:
        advice = "docs/resolv-conf.md has a recipe; resolver install does it"
        return trouble(about, "there is no /etc/resolv.conf that can be read", writer, advice)
    seen = (f"it names {', '.join(host.resolv_conf) or 'nobody'}", *writer)
    if not host.place:
        return unknown(about, f"{seen[0]}; the resolver does not answer")
    if not host.resolv_conf and "127.0.0.1" in host.listens:
        return fine(about)  # resolv.conf(5): then it is the local machine
    others = [one for one in host.resolv_conf if one not in host.listens]
    if not others:
        return fine(about)
    if len(others) == len(host.resolv_conf):
        return _not_ours(e, seen)
    seen = (*seen, f"{', '.join(others)} is not this resolver")
    title = "programs ask others too, whenever an answer takes long"
    return note(about, title, seen, "leave only this resolver in it, or know that names leak")


def _not_ours(e: Evidence, seen: tuple[str, ...]) -> Finding:
    host = e.host
    if _STUB.intersection(host.resolv_conf or ()) and set(host.listens) & set(host.stub_asks):
        title = "programs ask systemd-resolved, which asks this resolver"
        advice = "it takes AD out of answers and fails while no link is up: docs/resolv-conf.md"
        return note("resolv.conf", title, seen, advice)
    title = "programs of this machine do not ask this resolver"
    advice = "resolver install points it here; docs/resolv-conf.md says how by hand"
    return trouble("resolv.conf", title, seen, advice)


def nsswitch(e: Evidence) -> Finding:
    """Do programs go past /etc/resolv.conf?"""
    hosts = e.host.hosts
    if not hosts:
        return unknown("nsswitch", "there is no line hosts: in /etc/nsswitch.conf")
    seen = (f"hosts: {' '.join(hosts)}",)
    if "dns" not in hosts and "resolve" not in hosts:
        return trouble(
            "nsswitch",
            "programs of this machine ask no name server at all",
            seen,
            'add "dns" to the line hosts: of /etc/nsswitch.conf',
        )
    is_before = "resolve" in hosts and (
        "dns" not in hosts or hosts.index("resolve") < hosts.index("dns")
    )
    if is_before and e.host.place:
        return note(
            "nsswitch",
            "programs ask systemd-resolved first, past /etc/resolv.conf",
            seen,
            "systemctl disable --now systemd-resolved, if no VPN needs it: docs/resolv-conf.md",
        )
    return fine("nsswitch")


def directory(e: Evidence) -> Finding:
    """Can state be kept?"""
    if not e.host.directory:
        return unknown("state", "working_directory is not set: nothing is kept over a restart")
    if not e.host.is_root:
        return unknown("state", "whether the daemon can write there, only root can tell")
    if e.host.directory_trouble:
        return trouble(
            "state",
            "nothing can be kept over a restart",
            (e.host.directory_trouble,),
            "chown it to the account that the daemon runs as; df shows room",
        )
    return fine("state")


def synchronised(e: Evidence) -> Finding:
    """Does anybody keep the clock right? Whether it is, `clock` says."""
    if e.host.is_synchronised is not False:
        return fine("time-keeping")
    return note(
        "time-keeping",
        "nothing keeps this machine's clock right, as far as the kernel knows",
        ("adjtimex: not synchronised",),
        "timedatectl set-ntp true",
    )


def _is_named(e: Evidence) -> bool:
    """Does resolv.conf name a place where the daemon would listen?"""
    return bool(set(e.host.resolv_conf or ()) & set(e.host.listens))


def _first(e: Evidence) -> str:
    return next(one for one in e.host.resolv_conf or () if one in e.host.listens)
