"""Namespaces and programs of one run; whatever happens, none of them outlives it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path


class Lab:
    """Owns what it adds and starts; the last comes down first."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._programs: list[netns.Program] = []

    def add_namespace(self, label: str) -> netns.Namespace:
        """A new namespace with its loopback up."""
        return self._stack.enter_context(netns.namespace(label))

    def start(
        self, argv: list[str], log: Path, *, place: netns.Namespace | None = None
    ) -> netns.Program:
        """Start a program, in *place* if given."""
        if place is not None:
            program = place.spawn(*argv, log=log, cwd=log.parent)
        else:
            program = netns.spawn(argv, log=log, cwd=log.parent)
            self._stack.callback(program.stop)
        self._programs.append(program)
        return program

    def check_alive(self) -> None:
        """Raise RuntimeError if anything we started has ended."""
        for program in self._programs:
            if not program.alive:
                status = program.process.returncode
                raise RuntimeError(f"{program.name} ended with status {status}: {program.log}")

    def __enter__(self) -> Self:
        netns.sweep()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def join(resolver: netns.Namespace, servers: netns.Namespace, link: int) -> None:
    """Addresses and routes of link number *link*, after wanem made its devices."""
    device = f"w{link}"
    resolver.ip(
        f"addr add 10.77.{link}.2/32 dev wan",
        f"addr add fd77:{link:x}::2/128 dev wan nodad",
        "link set wan up",
    )
    servers.ip(f"link set {device} up")
    resolver.ip("route add default dev wan", "route add ::/0 dev wan")
    servers.ip(
        f"route add 10.77.{link}.0/24 dev {device}", f"route add fd77:{link:x}::/64 dev {device}"
    )
