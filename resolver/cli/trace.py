"""resolver trace NAME [TYPE]: each step of a resolution from the root, as it happens.

A line per packet that came to nothing, a line per step that led on: zone cut, what was asked,
server, transport, round trip, verdict, and what was learnt. Then the answer, and the chain of trust
that made it secure, insecure or bogus.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import trio

from resolver.cli import colors, inprocess, present, questions
from resolver.cli.chain_report import Recorder
from resolver.dnssec import validation_events
from resolver.model import Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode
from resolver.runtime import interrupt
from resolver.telemetry import trace
from resolver.telemetry.events import Asked, Unanswered
from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    import argparse

    from resolver.model import Answer, Question


_USABLE = frozenset(verdict.value for verdict in Verdict if verdict.is_usable)


class Printer:
    """Shows steps as they happen, and keeps them for --json.

    Steps are told from within the resolver's tasks, which take what is raised there for a fault of
    their own: that nobody reads any more is kept in *failure*, and ends *scope*.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.steps: list[dict[str, Any]] = []
        self.failure: OSError | None = None
        self.scope = trio.CancelScope()
        self._quiet = quiet

    def __call__(self, event: object) -> None:
        if isinstance(event, Asked | Unanswered):
            text = trace.line(event)
        elif isinstance(event, Tried) and event.outcome not in _USABLE:
            text = _vain(event)
        else:
            return
        self.steps.append(_object(event))
        if self._quiet or self.failure is not None:
            return
        try:
            print(f"{len(self.steps):3} {text}", flush=True)
        except OSError as error:
            self.failure = error
            self.scope.cancel()


def run(options: argparse.Namespace) -> int:
    """0 if there is an answer, 1 if there is none."""
    question = questions.one(options.words, reverse=options.reverse)
    printer = Printer(quiet=options.json)
    chain = Recorder()
    with interrupt.allowed():
        answer, elapsed_s = trio.run(_resolve, question, options, printer, chain)
    found = present.Found(present.shown(answer), elapsed_s)
    if options.json:
        document = present.as_json(found, with_proofs=True)
        links = [line._asdict() for line in chain.lines]
        print(json.dumps({"steps": printer.steps, **document, "chain": links}, indent=2))
    else:
        text = f"\n{present.dig(found)}"
        if chain.lines:
            text += "\n\n;; CHAIN OF TRUST\n" + "\n".join(map(str, chain.lines))
        print(colors.laid_over(text) if colors.are_wanted(options.color, sys.stdout) else text)
    return 0 if answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else 1


async def _resolve(
    question: Question, options: argparse.Namespace, printer: Printer, chain: Recorder
) -> tuple[Answer, float]:
    async with inprocess.resolver(options) as daemon:
        daemon.parts.bus.subscribe(printer, Asked, Unanswered, Tried)
        daemon.parts.bus.subscribe(chain, *validation_events.KINDS)
        with printer.scope:
            found = await inprocess.ask(daemon, question)
    if printer.failure is not None:
        raise printer.failure
    return found


def _vain(event: Tried) -> str:
    zone, server = names.to_text(event.zone), event.server
    asked = f"{names.to_text(event.question.qname)} {present.type_text(event.question.qtype)}"
    where = f"{names.to_text(server.nameserver)} {server.host}"
    return f"{zone:<20} {asked} @ {where}, {event.transport.value} → {event.outcome}"


def _object(event: Asked | Unanswered | Tried) -> dict[str, Any]:
    """An event as plain values: names as text, times in milliseconds."""
    made: dict[str, Any] = {
        "zone": names.to_text(event.zone),
        "name": names.to_text(event.question.qname),
        "type": present.type_text(event.question.qtype),
    }
    if isinstance(event, Unanswered):
        return made | {"verdict": "unanswered", "elapsed_ms": round(1000 * event.elapsed_s, 3)}
    made |= {
        "nameserver": names.to_text(event.server.nameserver),
        "address": event.server.host,
        "transport": event.transport.value,
        "rtt_ms": None if event.rtt_s is None else round(1000 * event.rtt_s, 3),
    }
    if isinstance(event, Asked):
        return made | {"verdict": event.verdict, "learnt": event.learnt}
    return made | {"verdict": event.outcome}
