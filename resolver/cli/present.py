"""An Answer as people and programs read it: the form of dig, the data alone, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resolver.cli.questions import unicode_text
from resolver.protocol import names
from resolver.protocol.codes import SAY_BOGUS, Rcode, rcode_text
from resolver.telemetry.presentation import class_text, ede_text, objects, rows, type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Answer
    from resolver.protocol.message import Question, RRset

SECURE, UNCHECKED, BOGUS = "secure", "unchecked", "bogus"  # values of `model.Status`


class Source(NamedTuple):
    """Who answered: *kind* is "daemon", "server", "process" or "lab"; *text* says it in words."""

    kind: str
    text: str
    address: str = ""
    transport: str = ""


class Shown(NamedTuple):
    """An answer as it is shown: `model.Answer`, or what another server's reply comes to.

    *security* is a `Status`' value; *ede* are code and text of each.
    """

    question: Question
    rcode: int
    answer: Sequence[RRset]
    authority: Sequence[RRset]
    additional: Sequence[RRset]
    security: str
    ede: Sequence[tuple[int, str]]


class Found(NamedTuple):
    """An answer, how long it took, and who gave it."""

    answer: Shown
    elapsed_s: float
    source: Source | None = None


def shown(answer: Answer) -> Shown:
    """What is shown of an answer of our own."""
    is_bogus = answer.rcode == Rcode.SERVFAIL and any(one.code in SAY_BOGUS for one in answer.ede)
    return Shown(
        answer.question,
        answer.rcode,
        answer.answer,
        answer.authority,
        answer.additional,
        BOGUS if is_bogus else answer.status.value,
        answer.ede,
    )


def dig(found: Found, *, with_proofs: bool = False) -> str:
    """Status first, then the sections, each record on its line."""
    answer, elapsed_s, source = found
    head = f";; {rcode_text(answer.rcode)}, {_security(answer)}, {1000 * elapsed_s:.0f} ms"
    lines = [head] if source is None else [head, f";; {source.text}"]
    lines += [f";; {ede_text(*ede)}" for ede in answer.ede]
    lines += ["", ";; QUESTION", question_text(answer.question)]
    international = unicode_text(answer.question.qname)
    if international is not None:
        lines[-1] += f"\t; {international}"
    sections = (
        ("ANSWER", answer.answer),
        ("AUTHORITY", answer.authority),
        ("ADDITIONAL", answer.additional),
    )
    for title, rrsets in sections:
        found_here = list(rows(answer.question, rrsets, with_proofs=with_proofs))
        if found_here:
            lines += ["", f";; {title}"]
            lines += ["\t".join(map(str, row)) for row in found_here]
    return "\n".join(lines)


def question_text(question: Question) -> str:
    """;name, class and type, as dig writes it."""
    qname, qtype, qclass = question
    return f";{names.to_text(qname)}\t\t{class_text(qclass)}\t{type_text(qtype)}"


def short(answer: Shown) -> list[str]:
    """The data of the answer's records, in their order, aliases included."""
    return [row[-1] for row in rows(answer.question, answer.answer, with_proofs=False)]


def failure(answer: Shown) -> str:
    """Why there is no answer, in a line."""
    why = "; ".join(ede_text(*ede) for ede in answer.ede) or "the server does not say why"
    return f"{asked_text(answer.question)}: {rcode_text(answer.rcode)}: {why}"


def asked_text(question: Question) -> str:
    """Name and type, for a sentence."""
    return f"{names.to_text(question.qname)} {type_text(question.qtype)}"


def as_json(found: Found, *, with_proofs: bool = False) -> dict[str, Any]:
    """The same as plain values."""
    answer, elapsed_s, source = found
    made = {
        "question": question_object(answer.question),
        "status": rcode_text(answer.rcode),
        "security": answer.security,
        "answer": objects(answer.question, answer.answer, with_proofs=with_proofs),
        "authority": objects(answer.question, answer.authority, with_proofs=with_proofs),
        "extended_errors": [{"code": ede[0], "text": ede_text(*ede)} for ede in answer.ede],
        "elapsed_ms": round(1000 * elapsed_s, 3),
    }
    if source is not None:
        made["source"] = {key: value for key, value in source._asdict().items() if value}
    return made


def question_object(question: Question) -> dict[str, Any]:
    """A question as plain values; "unicode" is there for an international name."""
    made = {
        "name": names.to_text(question.qname),
        "type": type_text(question.qtype),
        "class": class_text(question.qclass),
    }
    international = unicode_text(question.qname)
    return made if international is None else made | {"unicode": international}


def _security(answer: Shown) -> str:
    return "not validated" if answer.security == UNCHECKED else answer.security
