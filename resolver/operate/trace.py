"""trace: one resolution by the live daemon, step by step, with what it knows or without."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import trio
from msgspec import Meta

from resolver.limits import TRACE_STEPS
from resolver.operate import steps
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, question_of
from resolver.operate.chain_report import Recorder
from resolver.operate.geography import Geography
from resolver.operate.verb import WORD, Arguments, Right, Verb
from resolver.protocol import names
from resolver.protocol.codes import SAY_BOGUS, Rcode, rcode_text
from resolver.telemetry.presentation import class_text, ede_text, objects, type_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.model import Answer
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class TraceArguments(Arguments, frozen=True, kw_only=True):
    """Name and type; how."""

    name: Annotated[str, Meta(description="domain name", max_length=LONGEST_NAME), WORD]
    type: Annotated[str, Meta(description="record type", max_length=LONGEST_TYPE), WORD] = "A"
    cold: Annotated[bool, Meta(description="as if the caches were empty")] = False


class _Steps:
    """Passes steps on as they happen; beyond TRACE_STEPS they are counted only."""

    def __init__(self, sender: trio.MemorySendChannel[Reply], geography: Geography) -> None:
        self.passed = 0
        self._geography = geography
        self.chain = Recorder()
        self._sender = sender

    def __call__(self, event: object) -> None:
        self.chain(event)
        text = steps.text_of(event)
        if text is None or not isinstance(event, steps.KINDS):
            return
        self.passed += 1
        if self.passed <= TRACE_STEPS:
            with suppress(trio.BrokenResourceError):  # nobody reads any more
                where = self._geography.step(event)
                text = steps.at_instance(text, where)
                self._sender.send_nowait({"text": text} | steps.object_of(event) | where)


async def trace(daemon: Running, given: TraceArguments) -> AsyncIterator[Reply]:
    """A `step` each, and then the `answer` with the `chain` of trust."""
    question = question_of(given.name, given.type)
    sender, receiver = trio.open_memory_channel[Any](TRACE_STEPS)
    hear = _Steps(sender, Geography(daemon.parts))
    told: list[Reply] = []

    async def resolve() -> None:
        with sender, daemon.watched(hear, is_cold=given.cold) as pipeline:
            began = trio.current_time()
            answer = await pipeline.answer(question)
            told.append(_document(answer, trio.current_time() - began))

    daemon.start(resolve)  # in its own time: who asked may leave
    async with receiver:
        async for step in receiver:
            yield {"step": step}
    chain = [line._asdict() for line in hear.chain.lines]
    yield {"steps": hear.passed, "answer": told[0], "chain": chain}


def _document(answer: Answer, elapsed_s: float) -> Reply:
    """As `resolver trace --json` prints it."""
    qname, qtype, qclass = answer.question
    is_bogus = answer.rcode == Rcode.SERVFAIL and any(one.code in SAY_BOGUS for one in answer.ede)
    return {
        "question": {
            "name": names.to_text(qname), "type": type_text(qtype), "class": class_text(qclass),
        },
        "status": rcode_text(answer.rcode),
        "security": "bogus" if is_bogus else answer.status.value,
        "answer": objects(answer.question, answer.answer, with_proofs=True),
        "authority": objects(answer.question, answer.authority, with_proofs=True),
        "extended_errors": [{"code": ede[0], "text": ede_text(*ede)} for ede in answer.ede],
        "sources": [source.value for source in answer.sources],
        "elapsed_ms": round(1000 * elapsed_s, 3),
    }  # fmt: skip


TRACE: Final = Verb(
    "trace", Right.ACT, "resolve a name step by step, as the daemon would now", TraceArguments,
    trace, streams=True,
)  # fmt: skip
