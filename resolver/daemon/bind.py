"""The listening sockets: what can be bound is served, the rest is bound when it can be.

A port that its last owner still holds, an address that DHCP, a VPN or duplicate address detection
brings later, are no reason to leave everybody without a resolver: each is told once, and tried
again every BIND_RETRY_SECONDS. Where not one socket for questions can be had at the start the
daemon waits BIND_PATIENCE_SECONDS for it and then gives up: a service manager starts it again, and
somebody at a terminal has read why. What waiting cannot mend (no permission) is an error at once.
Unbound and Knot give up at the first address, BIND goes on and looks again once an hour.

At a reload sockets whose address stayed stay open. All new ones are had, or none is and nothing
changes; but for one whose port is still our own, under an address that goes: that one comes after.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

import trio

from resolver.config.check_server import is_same_port
from resolver.config.endpoints import endpoint, show
from resolver.config.http3 import http3_places
from resolver.config.listen_urls import listen_url
from resolver.daemon import privileges
from resolver.errors import CannotStart, ConfigError, Kind
from resolver.limits import BIND_PATIENCE_SECONDS, BIND_RETRY_SECONDS
from resolver.listen.sockets import SystemListenNetwork
from resolver.protocol.transport import OVER_UDP, Transport
from resolver.runtime.port_holders import holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.listen.listen_network import ListenNetwork, StreamListener, UdpSocket
    from resolver.listen.sockets import GivenSockets
    from resolver.listen.steered_ports import SteeredPorts

    Bound: TypeAlias = UdpSocket | StreamListener

_log = logging.getLogger(__name__)
_LATER: Final = frozenset(
    {
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
        errno.ENODEV,  # the interface of a scoped address
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    }
)
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


class Wish(NamedTuple):
    """One socket to have: for which key, what is spoken on it (None: HTTP, for programs), where."""

    key: str
    transport: Transport | None
    where: Endpoint

    @property
    def is_udp(self) -> bool:
        """A socket of datagrams; else one that accepts streams."""
        return self.transport in OVER_UDP

    @property
    def is_quic(self) -> bool:
        """True if QUIC is spoken there, whatever is said over it."""
        return self.transport in (Transport.QUIC, Transport.HTTP3)

    def __str__(self) -> str:
        kind = "HTTP" if self.transport is None else self.transport.name
        return f"{show(self.where)} ({kind})"

    def excludes(self, other: Wish) -> bool:
        """True if the system lets only one of the two be bound."""
        return self.is_udp == other.is_udp and is_same_port(self.where, other.where)


class Takers(Protocol):
    """Who serves what is bound."""

    def serve(self, wish: Wish, sock: Bound) -> None:
        """From now on."""


class Plan(NamedTuple):
    """What another configuration makes of the sockets: bound by now, bound later, not wanted."""

    wishes: list[Wish]
    fresh: dict[Wish, Bound]
    later: list[Wish]
    gone: list[Wish]


class ListeningSockets:
    """What is bound, and what is still missing. *tells* False: another process says it all.

    *is_drained*: no questions are taken, until somebody wants so. *who* names the program that has
    what a wish is for, if that can be told.
    """

    def __init__(
        self,
        network: ListenNetwork,
        config: Config,
        *,
        tells: bool = True,
        who: Callable[[Wish], str] = lambda _: "",
        is_drained: bool = False,
    ) -> None:
        self.open: dict[Wish, Bound] = {}
        self.missing: list[Wish] = []
        self.is_leaving = is_drained  # who comes is answered, but should go elsewhere
        self.is_handed_on = False  # this process ends, and others of the same ports go on
        self.is_drained = is_drained  # of what was wanted nothing is, but for pages
        self.network = network
        self._tells = tells
        self._wishes = list(self._wanted(config))
        self._who = who
        self._told: dict[Endpoint, str] = {}
        self._refused: dict[Endpoint, ConfigError] = {}
        self._level = logging.WARNING if tells else logging.DEBUG
        self._is_trying = False
        self.is_listening = False  # at all: a resolver without listeners has no sockets

    def __repr__(self) -> str:
        return f"<ListeningSockets {len(self.open)} bound, {len(self.missing)} missing>"

    @property
    def bound(self) -> list[Endpoint]:
        """Where questions are taken now."""
        return list(dict.fromkeys(wish.where for wish in self.open if wish.transport is not None))

    async def bind(self) -> None:
        """All that can be had; at least one socket for questions, of UDP if UDP is wanted.

        Raises ConfigError where waiting is of no use, CannotStart after BIND_PATIENCE_SECONDS.
        """
        ends_at = trio.current_time() + BIND_PATIENCE_SECONDS
        wishes, self.is_listening = self._wishes, True
        while True:
            for problem in self._hopeless(wishes):
                raise problem
            if self._can_answer():
                return
            if trio.current_time() >= ends_at:
                message = "cannot listen on " + "; ".join(self._told.values())
                raise CannotStart(message, tuple(self._refused.values()))
            await trio.sleep(BIND_RETRY_SECONDS)
            wishes = self.missing

    async def rehearse(self) -> tuple[list[ConfigError], list[str]]:
        """What `bind` would raise, were things to stay as they are; and what it would go on
        without, a sentence each. Nothing stays bound."""
        self.is_listening = True
        try:
            problems = self._hopeless(self._wishes)
            if not problems and not self._can_answer():
                return list(self._refused.values()), []
            return problems, list(self._told.values())
        finally:
            await close_all(self.open.values())
            self.open.clear()

    def _hopeless(self, wishes: list[Wish]) -> list[ConfigError]:
        """Try each once; what waiting cannot mend."""
        refused = {wish.where: _refusal(wish, error) for wish, error in self._bind_each(wishes)}
        if not refused and not self.missing and not self._can_answer():
            first = self._wishes[0]
            expected = f"an address of a kind that this system has (it has no {_family(first)})"
            return [ConfigError("server.listen", show(first.where), expected)]
        return list(refused.values())

    def _can_answer(self) -> bool:
        asked = [wish for wish in self._wishes if wish.transport is not Transport.HTTP3]
        wanted = [wish for wish in asked if wish.is_udp] or asked
        return not self._wishes or any(wish in self.open for wish in wanted)

    async def bind_missing(self, takers: Takers) -> None:
        """Try until nothing is missing; *takers* get what was bound."""
        if self._is_trying:
            return
        self._is_trying = True
        try:
            while self.missing:
                await trio.sleep(BIND_RETRY_SECONDS)
                self.try_missing(takers)
        finally:
            self._is_trying = False

    def try_missing(self, takers: Takers) -> None:
        """Try what is missing once."""
        before = set(self.open)
        for wish, error in self._bind_each(self.missing):  # privileges went after the start
            _log.log(self._level, "%s: not bound: %s", show(wish.where), error.strerror)
        for wish, sock in list(self.open.items()):
            if wish not in before:
                takers.serve(wish, sock)

    def _bind_each(self, wishes: list[Wish]) -> list[tuple[Wish, OSError]]:
        """Try each once. What is worth another try is `missing` then, the rest is returned."""
        self.missing, hopeless = [], []
        for wish in wishes:
            try:
                self.open[wish] = self._bind_one(wish)
            except OSError as error:
                if error.errno in _NO_FAMILY:
                    self._tell(wish, f"this system has no {_family(wish)}", "listening without it")
                elif error.errno in _LATER or isinstance(error, socket.gaierror):
                    self.missing.append(wish)
                    self._tell_trouble(wish, error)
                else:
                    hopeless.append((wish, error))
            else:
                if wishes is not self._wishes:
                    _log.log(self._level, "%s: listening now", wish)
        return hopeless

    def _tell(self, wish: Wish, why: str, so: str) -> None:
        """One line an address, however long it lasts: UDP and TCP mostly share their fate."""
        if wish.where not in self._told:
            self._told[wish.where] = f"{show(wish.where)}: {why}"
            _log.log(self._level, "%s: %s; %s", show(wish.where), why, so)

    def _tell_trouble(self, wish: Wish, error: OSError) -> None:
        if wish.where not in self._told:
            who = self._who(wish) if error.errno == errno.EADDRINUSE else ""
            self._refused[wish.where] = _refusal(wish, error, who)
            self._tell(wish, _reason(error, who), "trying again")

    def _bind_one(self, wish: Wish) -> Bound:
        if wish.is_udp:
            return self.network.bind_udp(*wish.where, is_quic=wish.is_quic)
        return self.network.bind_tcp(*wish.where)

    # --- a new configuration -----------------------------------------------------------------

    async def plan(self, config: Config) -> Plan:
        """Bind what *config* wants beside what there is. Raises ConfigError, with nothing bound."""
        if not self.is_listening:
            return Plan(self._wishes, {}, [], [])
        wishes = self._wanted(config)
        gone = [wish for wish in (*self.open, *self.missing) if wish not in wishes]
        plan = Plan(wishes, {}, [wish for wish in self.missing if wish in wishes], gone)
        for wish in wishes:
            if wish in self._wishes:
                continue  # bound, missing, or of a family that is not there
            try:
                plan.fresh[wish] = self._bind_one(wish)
            except OSError as error:
                if error.errno in _NO_FAMILY:
                    self._tell(wish, f"this system has no {_family(wish)}", "listening without it")
                elif error.errno == errno.EADDRINUSE and (
                    wish.transport is Transport.HTTP3 or any(map(wish.excludes, gone))
                ):
                    plan.later.append(wish)
                else:
                    await close_all(plan.fresh.values())
                    raise _refusal(wish, error) from error
        return plan

    def _wanted(self, config: Config) -> list[Wish]:
        wanted = wishes_of(config, tells=self._tells)
        return [one for one in wanted if one.transport is None or not self.is_drained]

    def let_go(self) -> dict[Wish, Bound]:
        """Take no questions any more; the sockets that they came to are the caller's."""
        self.is_drained = True
        self._wishes, self.missing = (
            [wish for wish in wishes if wish.transport is None]
            for wishes in (self._wishes, self.missing)
        )
        gone = [wish for wish in self.open if wish.transport is not None]
        return {wish: self.open.pop(wish) for wish in gone}

    async def plan_anew(self, config: Config) -> Plan:
        """Take questions again, as *config* says: bound beside. Raises ConfigError."""
        self.is_drained = False
        try:
            return await self.plan(config)
        except ConfigError:
            self.is_drained = True
            raise

    def adopt(self, plan: Plan, takers: Takers) -> dict[Wish, Bound]:
        """Go by *plan* from now on; what is returned is no longer wanted, and the caller's."""
        self._wishes, self.missing = plan.wishes, list(plan.later)
        for wish, sock in plan.fresh.items():
            self.open[wish] = sock
            takers.serve(wish, sock)
        for where in [where for where in self._told if all(w.where != where for w in plan.wishes)]:
            del self._told[where]
        return {wish: self.open.pop(wish) for wish in plan.gone if wish in self.open}

    async def aclose(self) -> None:
        await close_all(self.open.values())


def sockets_of(
    config: Config,
    network: ListenNetwork | None = None,
    *,
    is_shared: bool,
    tells: bool,
    given: GivenSockets | None = None,
    is_drained: bool = False,
    steered: SteeredPorts | None = None,
) -> ListeningSockets:
    """Those of *network*, or of the system. *is_shared*: several processes bind the same ports.

    *given*: sockets that a service manager has bound. *is_drained*: none for questions, for now.
    *steered*: how questions at shared ports are dealt out by name.
    """
    if network is not None:
        return ListeningSockets(network, config, tells=tells)
    account = privileges.account_of(privileges.user_of(config.server.user)) if is_shared else None
    system = SystemListenNetwork(
        is_shared=is_shared, is_free=config.server.freebind, tells=tells, given=given,
        steered=steered,
        owner=account.pw_uid if account is not None and os.geteuid() == 0 else None,
    )  # fmt: skip
    return ListeningSockets(system, config, tells=tells, who=_who, is_drained=is_drained)


def _who(wish: Wish) -> str:
    found = holder(*wish.where, is_udp=wish.is_udp)
    return "" if found is None else str(found)


async def close_all(socks: Iterable[Bound]) -> None:
    """Close each in its own way."""
    for sock in socks:
        if hasattr(sock, "aclose"):
            await sock.aclose()
        else:
            sock.close()


def wishes_of(config: Config, *, tells: bool = True) -> Iterator[Wish]:
    """The sockets that *config* wants, of a process that *tells* of all workers or of another."""
    for text in config.server.listen:
        url = listen_url(text)
        for transport in url.transports:
            yield Wish("server.listen", transport, url.where)
    for where in http3_places(config):
        yield Wish("server.listen", Transport.HTTP3, where)
    if config.metrics.listen:
        yield Wish("metrics.listen", None, endpoint(config.metrics.listen))
    if config.health.listen and tells:
        yield Wish("health.listen", None, endpoint(config.health.listen))


def _family(wish: Wish) -> str:
    return "IPv6" if ":" in wish.where[0] else "IPv4"


def _reason(error: OSError, who: str = "") -> str:
    """Why it cannot be had now, and what may be done about it, in one line."""
    if error.errno == errno.EADDRINUSE:
        return f"another program listens there{f': {who}' if who else ' (ss -lntup shows which)'}"
    if error.errno == errno.EADDRNOTAVAIL:
        return "not an address of this machine yet"
    if error.errno == errno.ENODEV or isinstance(error, socket.gaierror):
        return "this machine has no such interface yet"
    return error.strerror or str(error)


def _refusal(wish: Wish, error: OSError, who: str = "") -> ConfigError:
    kind, expected = Kind.VALUE, f"an address to listen on ({_reason(error, who)})"
    if error.errno in (errno.EACCES, errno.EPERM):
        kind = Kind.DENIED
        expected = "a port above 1023, or start as root, or with CAP_NET_BIND_SERVICE"
    elif error.errno == errno.EADDRINUSE:
        kind, expected = Kind.IN_USE, f"an address that is free: {_reason(error, who)}"
    elif error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        kind = Kind.MISSING
    return ConfigError(wish.key, show(wish.where), expected, kind=kind)
