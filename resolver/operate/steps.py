"""The steps of one resolution, as text and as plain values, from what is told on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from resolver.model import Verdict
from resolver.protocol import names
from resolver.telemetry import trace
from resolver.telemetry.events import Asked, Unanswered
from resolver.telemetry.presentation import type_text
from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    Step: TypeAlias = Asked | Unanswered | Tried

KINDS: Final = (Asked, Unanswered, Tried)
_USABLE: Final = frozenset(verdict.value for verdict in Verdict if verdict.is_usable)


def text_of(step: object) -> str | None:
    """A line for a step that led on, and for a packet that came to nothing; None for all else."""
    if isinstance(step, Asked | Unanswered):
        return trace.line(step)
    if isinstance(step, Tried) and step.outcome not in _USABLE:
        return _vain(step)
    return None


def _vain(tried: Tried) -> str:
    zone, server = names.to_text(tried.zone), tried.server
    asked = f"{names.to_text(tried.question.qname)} {type_text(tried.question.qtype)}"
    where = f"{names.to_text(server.nameserver)} {server.host}"
    return f"{zone:<20} {asked} @ {where}, {tried.transport.value} → {tried.outcome}"


def at_instance(text: str, where: dict[str, Any]) -> str:
    """*text* of a step, and which instance it was at, if that is known."""
    if "instance" not in where:
        return text
    place = f" ({where['place']['text']})" if "place" in where else ""
    return f"{text}; instance {where['instance']}{place}"


def object_of(step: Step) -> dict[str, Any]:
    """A step as plain values: names as text, times in milliseconds."""
    made: dict[str, Any] = {
        "zone": names.to_text(step.zone),
        "name": names.to_text(step.question.qname),
        "type": type_text(step.question.qtype),
    }
    if isinstance(step, Unanswered):
        return made | {"verdict": "unanswered", "elapsed_ms": round(1000 * step.elapsed_s, 3)}
    made |= {
        "nameserver": names.to_text(step.server.nameserver),
        "address": step.server.host,
        "transport": step.transport.value,
        "rtt_ms": None if step.rtt_s is None else round(1000 * step.rtt_s, 3),
    }
    if isinstance(step, Asked):
        return made | {"verdict": step.verdict, "learnt": step.learnt}
    return made | {"verdict": step.outcome}
