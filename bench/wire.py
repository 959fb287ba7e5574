"""Cost of reading a message, as a ratio to dnspython in the same run: `python -m bench.wire`.

Both read owner, type, TTL and rdata of every record. CPU time, medians of rounds taken in turn, so
that a busy machine weighs on both. The referral is what a root server says about com. with DO set
(1175 octets, 41 records and OPT); the answer is a CNAME and an address; building is ours alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import dns.message
import dns.rdatatype

from resolver.protocol import names, wire
from resolver.protocol.edns import Edns
from resolver.protocol.wire import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_TTL = 172800
_COM = names.from_text("com.")


def referral() -> bytes:
    """The root's referral to com.: 13 NS, DS, its RRSIG, 13 A, 13 AAAA."""
    servers = [names.from_text(f"{letter}.gtld-servers.net.") for letter in "abcdefghijklm"]
    ds_rdata = bytes.fromhex("4d060d02") + bytes(range(32))
    rrsig_head = bytes.fromhex("002b080100015180 6a8e2770 6a7cf5e0 e1b4".replace(" ", ""))
    rrsig_rdata = rrsig_head + names.ROOT + bytes(i & 0xFF for i in range(256))
    authority = [Record(_COM, 2, 1, _TTL, server) for server in servers]
    authority += [Record(_COM, 43, 1, 86400, ds_rdata), Record(_COM, 46, 1, 86400, rrsig_rdata)]
    additional = [
        Record(server, 1, 1, _TTL, bytes((192, 5 + i, 6, 30))) for i, server in enumerate(servers)
    ]
    additional += [
        Record(server, 28, 1, _TTL, bytes.fromhex("20010503a83e") + bytes(8) + bytes((0, 48 + i)))
        for i, server in enumerate(servers)
    ]
    question = (names.from_text("www.example.com."), 1, 1)
    return wire.build(
        id=1, flags=0x8000, question=question,
        authority=authority, additional=additional, edns=Edns(4096, do=True),
    )  # fmt: skip


ANSWER_RECORDS = [
    Record(names.from_text("www.example.com."), 5, 1, 300, names.from_text("web.example.com.")),
    Record(names.from_text("web.example.com."), 1, 1, 300, bytes((192, 0, 2, 1))),
]


def answer() -> bytes:
    """A CNAME and the address it leads to, with OPT."""
    question = (names.from_text("www.example.com."), 1, 1)
    return wire.build(id=1, flags=0x8180, question=question, answer=ANSWER_RECORDS, edns=Edns(1232))


def query() -> bytes:
    """What a stub sends: one question, OPT."""
    return wire.build_query(id=1, qname=names.from_text("www.example.com."), qtype=1, edns=Edns())


def read_ours(data: bytes) -> int:
    """Every field of every record."""
    total = 0
    message = wire.parse_untrusted(data)
    for section in (message.answer, message.authority, message.additional):
        for owner, rtype, _, ttl, rdata in section:
            total += len(owner) + rtype + ttl + len(rdata)
    return total


def read_dnspython(data: bytes) -> int:
    """The same, in dnspython's own terms."""
    total = 0
    message = dns.message.from_wire(data)
    for section in message.sections[1:]:
        for rrset in section:
            for rdata in rrset:
                total += len(rrset.name) + rrset.rdtype + rrset.ttl + (rdata is not None)
    return total


def build_answer() -> bytes:
    """What the miss path does last."""
    return wire.build(
        id=1, flags=0x8180, question=(b"\3www\7example\3com\0", 1, 1),
        answer=ANSWER_RECORDS, edns=Edns(1232), max_size=1232,
    )  # fmt: skip


def cpu_us(work: Callable[[], object], times: int) -> float:
    """CPU microseconds of one call."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times * 1e6


def compare(data: bytes, *, rounds: int, times: int) -> tuple[float, float]:
    """Medians for ours and for dnspython, rounds in turn."""
    ours = []
    theirs = []
    for _ in range(rounds):
        ours.append(cpu_us(lambda: read_ours(data), times))
        theirs.append(cpu_us(lambda: read_dnspython(data), max(times // 20, 1)))
    return statistics.median(ours), statistics.median(theirs)


def main() -> None:
    """Prints one line per case."""
    parser = argparse.ArgumentParser(description="wire codec against dnspython, one run")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=1000, help="messages of ours in a round")
    arguments = parser.parse_args()
    print(
        f"{'parse and read all':28}{'octets':>8}{'ours µs':>10}{'dnspython':>11}{'ratio':>8}  bar"
    )
    for title, data, bar in (
        ("root referral, 41 records", referral(), "≥ 40"),
        ("two-record answer", answer(), "≥ 20"),
        ("stub query with OPT", query(), ""),
    ):
        ours, theirs = compare(data, rounds=arguments.rounds, times=arguments.times)
        print(f"{title:28}{len(data):8}{ours:10.2f}{theirs:11.1f}{theirs / ours:7.1f}×  {bar}")
    data = query()
    for title, work in (
        ("header and question only", lambda: wire.head_untrusted(data)),
        ("build a two-record answer", build_answer),
        ("build a query with OPT", query),
    ):
        spent = statistics.median(cpu_us(work, arguments.times) for _ in range(arguments.rounds))
        print(f"{title:28}{'':8}{spent:10.2f}")


if __name__ == "__main__":
    main()
