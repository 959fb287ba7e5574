"""The ways to lose the network, each with what cuts and what mends it.

All resolvers of a run have links and namespaces of their own in one emulated Internet, so that one
cut meets all of them at one moment.
"""

import dataclasses
import pathlib
from collections.abc import Callable

from bench.common import peers
from bench.latency.run import Run
from bench.latency.scenarios import Change, State, undisturbed
from bench.latency.variants import STARTERS, Starter

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
UNFAKEABLE = frozenset({"unbound", "named", "kresd"})  # Debian's do not start under it
_EVERYTHING = ("0.0.0.0/0", "::/0")
AWAY = "+400d"  # beyond any signature of the world


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """*title* is the table's; *cut* and *mend* act on a run; *world* is the one it needs."""

    title: str
    cut: Callable[[Run], None]
    mend: Callable[[Run], None]
    world: str = "w1"
    fakes_time: bool = False


def _paths(state: State) -> Callable[[Run], None]:
    """Every way to every server is so, as the emulator has it."""

    def change(run: Run) -> None:
        paths = undisturbed(run.world)
        paths = {host: dataclasses.replace(path, state=state) for host, path in paths.items()}
        run.emulator.change(Change("", 0.0, paths))

    return change


def _link_down(run: Run) -> None:
    for space in run.spaces:
        space.ip("link set wan down")


def _link_up(run: Run) -> None:
    """As a DHCP client would: the link, the addresses that went with it, the routes."""
    for number, space in enumerate(run.spaces):
        space.ip("link set wan up", f"addr replace fd77:{number:x}::2/128 dev wan nodad")
    _route_back(run)


def _route_gone(run: Run) -> None:
    for space in run.spaces:
        space.ip(*(f"route del {prefix}" for prefix in _EVERYTHING))


def _route_back(run: Run) -> None:
    for space in run.spaces:
        space.ip(*(f"route replace {prefix} dev wan" for prefix in _EVERYTHING))


def _nobody_listens(run: Run) -> None:
    run.authorities.stop()


def _clock(offset: str) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        for name in run.plan.resolvers:
            set_clock(run.directory / name, offset)

    return change


def set_clock(directory: pathlib.Path, offset: str) -> None:
    """What the program that runs in *directory* takes the wall clock for."""
    new = directory / "clock.new"
    new.write_text(f"{offset}\n")
    new.rename(directory / "clock")


def faked(starter: Starter) -> Starter:
    """The same under a clock of our own; only the wall clock is touched."""

    def start(setup: peers.Setup) -> list[str]:
        set_clock(setup.directory, "+0")
        return [
            "env",
            f"LD_PRELOAD={FAKETIME}",
            f"FAKETIME_TIMESTAMP_FILE={setup.directory / 'clock'}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            *starter(setup),
        ]

    return start


def offer_fakes() -> None:
    """Let every resolver be started under a clock of our own, by the name `NAME*`."""
    for name in [name for name in STARTERS if not name.endswith("*")]:
        STARTERS[f"{name}*"] = faked(STARTERS[name])


KINDS = {
    "link": Kind("link down", _link_down, _link_up),
    "route": Kind("route gone", _route_gone, _route_back),
    "icmp": Kind("ICMP: no route", _paths(State.UNREACHABLE), _paths(State.UP)),
    "refused": Kind("refused (port unreachable)", _nobody_listens, Run.start_authorities),
    "hole": Kind("black hole", _paths(State.DEAD), _paths(State.UP)),
    "clock": Kind(
        "clock 400 days ahead", _clock(AWAY), _clock("+0"), world="w1-signed", fakes_time=True
    ),
}
