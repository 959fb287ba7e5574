"""What an operator decides while the daemon runs, put into force: see `operate.overrides`.

Each change is a hand-over: parts that go by it take the place of those in use, between two queries.
A negative anchor that comes to its end is no change that anybody makes: it is looked for. Kept over
a restart in the state directory, by the first worker; each worker reads it at its start. Workers
have a copy in common memory, too: where nothing can be written, who follows one that died knows.
"""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.daemon.handover import NOTHING, Working, below, hand_over
from resolver.daemon.state import OVERRIDES
from resolver.daemon.wiring import assemble_again
from resolver.errors import WireError
from resolver.limits import OVERRIDES_LOOK_SECONDS, STATE_OCTETS
from resolver.operate.overrides import Overrides
from resolver.protocol import names
from resolver.runtime.hop import hop

if TYPE_CHECKING:
    import mmap

    from resolver.daemon.handover import Wrong
    from resolver.daemon.state import StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name, Question
    from resolver.operate.overrides import Stale
    from resolver.telemetry.shared_counters import Slot

_log = logging.getLogger(__name__)
_PRIVATE = 0o600  # names that somebody cares for
_HALF = struct.Struct("=I")  # how many octets follow; which half counts stands before both
_FIRST = 1


class Overridden(Working, Protocol):
    """The process (`run.Daemon`), with what outlives it."""

    state: StateDirectory
    slot: Slot | None
    is_first: bool


def read(state: StateDirectory, slot: Slot | None, *, tells: bool) -> Overrides:
    """What was decided before a restart, or before the worker of *slot* died. Never raises;
    *tells*: we say what is wrong with it."""
    overrides = Overrides()
    try:
        octets = None if slot is None else in_common(slot.decided)
        if octets is None:
            octets = state.read(OVERRIDES, STATE_OCTETS)
        if octets is not None:
            overrides.take_back_untrusted(octets)
    except (OSError, WireError) as error:
        if tells:
            aside = state.set_aside(OVERRIDES)
            _log.warning("what operators had decided cannot be read (now %s): %s", aside, error)
    return overrides


async def waive(daemon: Overridden, name: Name, until: float | None) -> int:
    """Have nothing validated at and below *name* until that Unix time; None: have it validated.

    How many entries of caches were forgotten for it.
    """
    async with daemon.reloading:
        negative = daemon.parts.base.overrides.negative
        if until is None:
            negative.pop(name, None)
        else:
            negative[name] = until
        gone = await go_by_it(daemon, below([name]))
    daemon.parts.base.overrides.wake()
    await keep(daemon)
    return gone


async def set_stale(daemon: Overridden, mode: Stale) -> None:
    """Tell what is over, or not, from now on."""
    async with daemon.reloading:
        daemon.parts.base.overrides.stale = mode
        await go_by_it(daemon, NOTHING)
    await keep(daemon)


async def keep_warm(daemon: Overridden, question: Question, *, is_wanted: bool) -> None:
    """Have *question* renewed always, from now on; or as any other is."""
    overrides = daemon.parts.base.overrides
    if is_wanted:
        overrides.warm[question] = None
    else:
        overrides.warm.pop(question, None)
    daemon.parts.go_by_hand()
    await keep(daemon)


async def go_by_it(daemon: Overridden, wrong: Wrong) -> int:
    """Have other parts, that are made as before but for what was decided since."""
    return await hand_over(daemon, assemble_again(daemon.parts), wrong)


async def keep(daemon: Overridden) -> None:
    """Have what was decided be there after a restart, and for workers that come."""
    if not daemon.is_first:
        return
    octets = daemon.parts.base.overrides.octets()
    if daemon.slot is not None:
        share(daemon.slot.decided, octets)
    if daemon.state.keeps:
        await hop(daemon.parts.clock, _write, daemon.state, octets)


def _write(state: StateDirectory, octets: bytes) -> None:
    state.write(OVERRIDES, octets, mode=_PRIVATE)


def share(memory: mmap.mmap, octets: bytes) -> None:
    """In the half that nobody reads, which counts from then on: a death half-way changes nothing.

    More than a half holds is not shared, and what was before does not count any more.
    """
    half = 1 - memory[0] % 2
    if len(octets) > _room(memory):
        octets = b""
    at = _at(memory, half)
    memory[at + _HALF.size : at + _HALF.size + len(octets)] = octets
    _HALF.pack_into(memory, at, len(octets))
    memory[0] = half


def in_common(memory: mmap.mmap) -> bytes | None:
    """What was shared last; None if nothing was."""
    at = _at(memory, memory[0] % 2)
    octets = min(_HALF.unpack_from(memory, at)[0], _room(memory))
    return memory[at + _HALF.size : at + _HALF.size + octets] or None


def _at(memory: mmap.mmap, half: int) -> int:
    return _FIRST + half * (_HALF.size + _room(memory))


def _room(memory: mmap.mmap) -> int:
    """Octets that a half holds."""
    return (len(memory) - _FIRST) // 2 - _HALF.size


# --- negative anchors that end -------------------------------------------------------------------


async def end_negative_anchors(daemon: Overridden) -> None:
    """Have what is kept below a negative anchor judged anew when that ends, until cancelled.

    Those of the configuration end, too.
    """
    overrides = daemon.parts.base.overrides
    over = _over(daemon.parts) - overrides.negative.keys()
    while True:
        ended = _over(daemon.parts) - over
        over = _over(daemon.parts)
        if ended:
            await _end(daemon, ended)
        is_changed = trio.Event()
        overrides.wake = is_changed.set
        with trio.move_on_after(_until_next(daemon.parts)):
            await is_changed.wait()


async def _end(daemon: Overridden, ended: set[Name]) -> None:
    negative = daemon.parts.base.overrides.negative
    were_set_here = ended & negative.keys()
    async with daemon.reloading:
        for name in were_set_here:
            negative.pop(name, None)
        await go_by_it(daemon, below(ended))
    if were_set_here:
        await keep(daemon)
    if daemon.is_first:
        told = ", ".join(map(names.to_text, sorted(ended)))
        _log.warning("negative trust anchors have ended: %s", told)


def _negative(anchors: Anchors | None) -> dict[Name, float]:
    return {} if anchors is None else anchors.negative


def _over(parts: Parts) -> set[Name]:
    wall = parts.clock.wall()
    return {name for name, until in _negative(parts.anchors).items() if until <= wall}


def _until_next(parts: Parts) -> float:
    """Seconds; not long, for somebody may set the clock."""
    wall = parts.clock.wall()
    left = [until - wall for until in _negative(parts.anchors).values() if until > wall]
    return min([OVERRIDES_LOOK_SECONDS, *(max(one, 0.0) for one in left)])
