"""resolver query NAME [TYPE]: one question, resolved from the root in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import trio

from resolver.cli import inprocess, present
from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    import argparse

    from resolver.model import Answer, Question


def run(options: argparse.Namespace) -> int:
    """0 if there is an answer (a name that does not exist is one), 1 if there is none."""
    question = present.question(options.name, options.type, is_reverse=options.reverse)
    answer, elapsed_s = trio.run(_resolve, question, options)
    if options.json:
        document = present.as_json(answer, elapsed_s=elapsed_s, with_proofs=options.dnssec)
        print(json.dumps(document, indent=2))
    else:
        print(present.dig(answer, elapsed_s=elapsed_s, with_proofs=options.dnssec))
    return 0 if answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else 1


async def _resolve(question: Question, options: argparse.Namespace) -> tuple[Answer, float]:
    async with inprocess.resolver(options) as daemon:
        return await inprocess.ask(daemon, question, checking=not options.cd)
