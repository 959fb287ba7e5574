"""One resolution, step by step, in words: what `iterate.observed` tells on the bus.

`Trail` keeps the steps of one run; `line` puts one into words.
"""

from __future__ import annotations

from resolver.protocol import names
from resolver.protocol.codes import type_text
from resolver.telemetry.events import Asked, Unanswered


class Trail:
    """The steps of one run, in order; subscribe it to a bus."""

    def __init__(self) -> None:
        self.steps: list[Asked | Unanswered] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, Asked | Unanswered):
            self.steps.append(event)


def line(step: Asked | Unanswered) -> str:
    """One step as a line of text."""
    zone = names.to_text(step.zone)
    asked = f"{names.to_text(step.question.qname)} {type_text(step.question.qtype)}"
    if isinstance(step, Unanswered):
        why = "; ".join(ede.text for ede in step.ede if ede.text) or "no usable reply"
        return f"{zone:<20} {asked}: {why} after {1000 * step.elapsed_s:.0f} ms"
    server = f"{names.to_text(step.server.nameserver)} {step.server.host}"
    took = f"{step.transport.value} {1000 * step.rtt_s:.1f} ms"
    said = f"{step.verdict}: {step.learnt}" if step.learnt else step.verdict
    return f"{zone:<20} {asked} @ {server}, {took} → {said}"
