"""The scripted servers of a scenario: every address answers from the RANGEs of the current step."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from resolver.lab.virtual_parts import Delayed
from tests.simulation.scenario_match import EDNS_PAYLOAD, HEADER_FLAGS, Seen, mismatches
from tests.simulation.scenario_model import SECTIONS, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.lab.virtual_parts import Answers
    from tests.simulation.scenario_model import Scenario, Step

FILLED = frozenset({dns.rdatatype.A, dns.rdatatype.AAAA})
SILENT = frozenset({"TIMEOUT", "ERROR"})
SILENCE = Entry(0, adjust={"do_not_answer"})
MAX_MESSAGE = 65_535


class Stage:
    """What all scripted servers share: the step, the replies given once, and what went wrong."""

    def __init__(self, scenario: Scenario, *, fill: bool) -> None:
        self.scenario = scenario
        self.step: int | None = None
        self.once: list[Entry] = []
        self.unscripted: list[str] = []
        self.is_silent = False
        self._used: set[int] = set()
        self._filler = Filler(scenario) if fill else None

    def server(self, address: str) -> ScriptedServer:
        return ScriptedServer(self, address)

    def offer(self, steps: Sequence[Step]) -> None:
        """Take the REPLY, TIMEOUT and ERROR steps from here to the next QUERY as replies.

        TIMEOUTs in a row are one silence: how often one asks in it is nobody's promise.
        """
        self.once.clear()
        self.is_silent = False
        for step in itertools.takewhile(lambda step: step.kind != "QUERY", steps):
            if step.kind in SILENT and (not self.once or self.once[-1] is not SILENCE):
                self.once.append(SILENCE)
            elif step.kind == "REPLY" and step.entry is not None:
                self.once.append(step.entry)

    def entry_for(self, address: str, seen: Seen) -> Entry | None:
        """RANGEs first, in file order; then what the steps offer, once; then the filler."""
        step = self.step
        if step is None:
            return None
        for block in self.scenario.ranges:
            if block.holds(address, step):
                for entry in block.entries:
                    if not mismatches(entry, seen):
                        self._used.add(entry.line)
                        return entry
        for entry in self.once:
            if not mismatches(entry, seen):
                self.is_silent = entry is SILENCE
                self.once.remove(entry)
                self._used.add(entry.line)
                return entry
        if self.is_silent:  # with nothing behind it a silence lasts until the next QUERY
            return SILENCE
        return self._filler.entry_for(seen) if self._filler is not None else None

    def unused(self) -> list[int]:
        """Lines of the MANDATORY entries that have not answered anything."""
        entries = self.scenario.server_entries()
        return [one.line for one in entries if one.is_mandatory and one.line not in self._used]


class ScriptedServer:
    """One address. A query that no entry answers stays unanswered and is noted.

    In files with policy zones it is refused: they leave out whom a rule keeps Unbound from asking,
    and silence would be an outage, which takes its time, and so does its end.
    """

    def __init__(self, stage: Stage, address: str) -> None:
        self._stage = stage
        self._address = address

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del source
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException as error:
            self._stage.unscripted.append(f"{self._address} got no DNS message: {error}")
            return None
        entry = self._stage.entry_for(self._address, Seen(query, transport))
        if entry is None:
            asked = " ".join(rrset.to_text() for rrset in query.question)
            self._stage.unscripted.append(
                f"step {self._stage.step}: {self._address} over {transport}: {asked}"
            )
            return refusal(query) if self._stage.scenario.head.policies else None
        if "do_not_answer" in entry.adjust:
            return None
        return [Delayed(reply_to(query, one), one.sleep_s) for one in (entry, *entry.more)]


def refusal(query: dns.message.Message) -> bytes:
    """REFUSED, of a server that is there."""
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.REFUSED)
    return reply.to_wire()


def reply_to(query: dns.message.Message, entry: Entry) -> bytes:
    """The reply that *entry* describes, adjusted to *query*; OPT exactly when the query has it."""
    if entry.raw is not None:
        copies = bool(entry.adjust & {"raw_id", "copy_id"})
        return query.id.to_bytes(2, "big") + entry.raw[2:] if copies else entry.raw
    reply = message_of(entry, message_id=query.id if entry.wants_copied_id else 0)
    if "copy_query" in entry.adjust:
        reply.question = list(query.question)
    elif entry.wants_copied_id and reply.question == query.question:
        reply.question = list(query.question)  # equal but for case: 0x20 wants its spelling back
    if query.edns < 0:
        return reply.to_wire(max_size=MAX_MESSAGE, want_shuffle=False)
    if entry.options is not None:
        rcode = dns.rcode.from_text(entry.rcode)
        ednsflags = (rcode >> 4) << 24 | query.ednsflags & dns.flags.DO
        return with_options(reply, entry.options, ednsflags=ednsflags)
    reply.use_edns(0, query.ednsflags & dns.flags.DO, EDNS_PAYLOAD)
    reply.set_rcode(dns.rcode.from_text(entry.rcode))
    return reply.to_wire(max_size=MAX_MESSAGE, want_shuffle=False)


def with_options(message: dns.message.Message, options: bytes, *, ednsflags: int = 0) -> bytes:
    """*message*, which has no OPT, with one whose options are these octets, good or bad."""
    wire = message.to_wire(max_size=MAX_MESSAGE, want_shuffle=False)
    count = int.from_bytes(wire[10:12], "big") + 1
    opt = b"\0" + dns.rdatatype.OPT.to_bytes(2, "big") + EDNS_PAYLOAD.to_bytes(2, "big")
    opt += ednsflags.to_bytes(4, "big") + len(options).to_bytes(2, "big") + options
    return wire[:10] + count.to_bytes(2, "big") + wire[12:] + opt


def query_of(entry: Entry, *, message_id: int) -> bytes:
    """What a client sends for *entry*. EDNS only where it has DO or options of its own."""
    if entry.raw is not None:
        return entry.raw
    query = message_of(entry, message_id=message_id)
    ednsflags = dns.flags.DO if "DO" in entry.flags else 0
    if entry.options is not None or ednsflags:
        return with_options(query, entry.options or b"", ednsflags=ednsflags)
    return query.to_wire()


def message_of(entry: Entry, *, message_id: int) -> dns.message.Message:
    """The message that *entry* describes, without EDNS."""
    message = dns.message.QueryMessage(message_id)
    message.flags = dns.flags.Flag(0)
    for flag in entry.flags & set(HEADER_FLAGS):
        message.flags |= dns.flags.from_text(flag)
    message.set_opcode(dns.opcode.from_text(entry.opcode))
    rcode = dns.rcode.from_text(entry.rcode)
    message.flags |= rcode & 0xF
    for asked in entry.question:
        rdclass = dns.rdataclass.RdataClass(asked.rdclass)
        rdtype = dns.rdatatype.RdataType(asked.rdtype)
        message.question.append(dns.rrset.RRset(asked.name, rdclass, rdtype))
    for index, name in enumerate(SECTIONS, start=1):
        message.sections[index] = list(entry.sections[name])
    return message


class Filler:
    """Answers from a file's own records what Unbound's files leave out, because Unbound never asks.

    That is `. NS`, and A or AAAA of a name that the file uses as a nameserver.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._rrsets: dict[tuple[dns.name.Name, int], dns.rrset.RRset] = {}
        self._nameservers: set[dns.name.Name] = set()
        for entry in scenario.server_entries():
            for section in SECTIONS:
                for rrset in entry.sections[section]:
                    self._learn(rrset)

    def _learn(self, rrset: dns.rrset.RRset) -> None:
        if rrset.rdtype == dns.rdatatype.NS:
            self._nameservers.update(rdata.target for rdata in rrset)
        if rrset.rdtype in FILLED or (
            rrset.rdtype == dns.rdatatype.NS and rrset.name == dns.name.root
        ):
            self._rrsets.setdefault((rrset.name, int(rrset.rdtype)), rrset)

    def entry_for(self, seen: Seen) -> Entry | None:
        if not seen.message.question:
            return None
        question = seen.message.question[0]
        name, rdtype = question.name, question.rdtype
        is_priming = name == dns.name.root and rdtype == dns.rdatatype.NS
        if not is_priming and not (rdtype in FILLED and name in self._nameservers):
            return None
        entry = Entry(0, adjust={"copy_id", "copy_query"}, flags={"QR", "AA"})
        found = self._rrsets.get((name, int(rdtype)))
        if found is not None:
            entry.sections["ANSWER"].append(found)
            if is_priming:
                entry.sections["ADDITIONAL"].extend(self._glue(found))
        return entry

    def _glue(self, nameservers: dns.rrset.RRset) -> Iterable[dns.rrset.RRset]:
        for rdata in nameservers:
            for rdtype in FILLED:
                found = self._rrsets.get((rdata.target, int(rdtype)))
                if found is not None:
                    yield found
