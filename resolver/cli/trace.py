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
from resolver.dnssec import validation_events
from resolver.operate import steps
from resolver.operate.chain_report import Recorder
from resolver.operate.geography import Geography
from resolver.protocol.codes import Rcode
from resolver.runtime import interrupt
from resolver.runtime.inert import inert

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from resolver.model import Answer, Question


class Printer:
    """Shows steps as they happen, and keeps them for --json.

    Steps are told from within the resolver's tasks, which take what is raised there for a fault of
    their own: that nobody reads any more is kept in *failure*, and ends *scope*.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.steps: list[dict[str, Any]] = []
        self.failure: OSError | None = None
        self.scope = trio.CancelScope()
        self.where: Callable[[object], dict[str, Any]] = lambda _: {}
        self._quiet = quiet

    def __call__(self, event: object) -> None:
        text = steps.text_of(event)
        if text is None or not isinstance(event, steps.KINDS):
            return
        where = self.where(event)
        self.steps.append(steps.object_of(event) | where)
        if self._quiet or self.failure is not None:
            return
        try:
            print(inert(f"{len(self.steps):3} {steps.at_instance(text, where)}"), flush=True)
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
        printer.where = lambda step: Geography(daemon.parts).step(step)
        daemon.parts.bus.subscribe(printer, *steps.KINDS)
        daemon.parts.bus.subscribe(chain, *validation_events.KINDS)
        with printer.scope:
            found = await inprocess.ask(daemon, question)
    if printer.failure is not None:
        raise printer.failure
    return found
