"""What is seen of the machine before anything is planned. Reads, and changes nothing."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config import load
from resolver.config.listen_urls import listen_url
from resolver.config.schema import Config
from resolver.daemon.service_unit import UNIT
from resolver.errors import ConfigError
from resolver.runtime import network_resolvers
from resolver.setup import asking, owners, ports, resolv_conf, unit
from resolver.setup.owners import Evidence
from resolver.setup.places import ACCOUNT, CONFIG, PLACES
from resolver.setup.program import Program, program

if TYPE_CHECKING:
    from resolver.setup.commands import Commands
    from resolver.setup.files import Files
    from resolver.setup.ports import Holder

_SYSTEMD: Final = "/run/systemd/system"
_TIMESYNC: Final = "/run/systemd/timesync"
_LINKS: Final = ("/run/systemd/resolve/netif", "/run/systemd/netif/links")
_DOMAINS: Final = ("DOMAINS=", "ROUTE_DOMAINS=")
_VENDOR: Final = ("/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


class Facts(NamedTuple):
    """What a plan is made from. *systemd* is its version, 0 where it is not pid 1.

    *listens*: `server.listen` of the configuration that will be used. *brings_unit*: a package has
    brought a service file for this very program, and with it what else belongs to the system.
    *fallback*: another's name server, if there is one.
    """

    evidence: Evidence
    program: Program
    systemd: int = 0
    has_account: bool = False
    has_config: bool = False
    config_fault: str = ""
    listens: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()
    is_running: bool = False
    brings_unit: bool = False
    has_timesyncd: bool = False
    fallback: str = ""

    @property
    def servers(self) -> list[str]:
        """Whom programs can be pointed at."""
        return resolv_conf.askable(self.listens)


def facts(files: Files, run: Commands) -> Facts:
    """All of it. Raises SetupFailed."""
    has_config = files.exists(CONFIG)
    wanted, fault = _listens(has_config)
    systemd = 0
    if files.exists(_SYSTEMD):
        systemd = unit.version_of(run(("systemctl", "--version")).out)
    is_running = bool(systemd) and run(("systemctl", "is-active", UNIT)).is_good
    chosen = program()
    return Facts(
        evidence=evidence(files),
        program=chosen,
        systemd=systemd,
        has_account=_has_account(),
        has_config=has_config,
        config_fault=fault,
        listens=wanted,
        holders=tuple(_others(wanted, is_ours=is_running or not systemd)),
        is_running=is_running,
        brings_unit=_brings_unit(files, chosen),
        has_timesyncd=files.exists(_TIMESYNC),
        fallback=_fallback(files),
    )


def evidence(files: Files) -> Evidence:
    """Of who writes /etc/resolv.conf."""
    path = PLACES["resolv.conf"].path
    return Evidence(
        resolv_conf=files.read(path),
        is_mount=files.is_mount(path),
        nsswitch=files.read(PLACES["nsswitch.conf"].path),
        there=frozenset(each for each in owners.LOOKED_FOR if files.exists(each)),
        link_domains=_link_domains(files),
    )


def listens() -> tuple[str, ...]:
    """`server.listen` as it is configured."""
    return _listens(Path(CONFIG).exists())[0]


def _listens(has_config: bool) -> tuple[tuple[str, ...], str]:  # noqa: FBT001
    if not has_config:
        return Config().server.listen, ""
    try:
        config = load.load(CONFIG)
    except ConfigError as problem:
        return Config().server.listen, str(problem)
    return config.server.listen, ""


def _others(listens: tuple[str, ...], *, is_ours: bool) -> list[Holder]:
    """Who holds a port of ours, and is not us. *is_ours*: a daemon of ours there is the service."""
    if is_ours and any(map(asking.is_our_daemon, resolv_conf.askable(listens))):
        return []
    wishes = []
    for text in listens:
        url = listen_url(text)
        wishes += [(is_udp, url.where) for is_udp in sorted(url.sockets, reverse=True)]
    return [each for each in ports.holders(wishes) if each.unit != UNIT]


def _fallback(files: Files) -> str:
    """Whom this machine asked so far, or would be offered by its network; nobody of this machine:
    who asks us would be asked by us."""
    named = resolv_conf.servers_of(files.followed(PLACES["resolv.conf"].path))
    beyond = [one for one in named if not one.startswith("127.") and one != "::1"]
    return next(iter([*beyond, *network_resolvers.offered(Path(files.root))]), "")


def _has_account() -> bool:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


def _link_domains(files: Files) -> tuple[str, ...]:
    """Domains that links have of their own; the root domain is no domain of its own."""
    found: set[str] = set()
    for folder in _LINKS:
        with suppress(OSError):
            for link in Path(os.path.join(files.root, folder.lstrip("/"))).iterdir():
                for line in link.read_text("utf-8", "replace").splitlines():
                    if line.startswith(_DOMAINS):
                        found |= {word.lstrip("~") for word in line.partition("=")[2].split()}
    return tuple(sorted(found - {"", "."}))


def _brings_unit(files: Files, chosen: Program) -> bool:
    for folder in _VENDOR:
        text = files.followed(f"{folder}/{UNIT}").decode("utf-8", "replace")
        if f"ExecStart={chosen.command} serve" in text:
            return True
    return False
