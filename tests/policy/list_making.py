"""What the tests of lists share: compiled lists from text, and what a client is told by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.model import Query, View
from resolver.policy.list_compile import Compiler
from resolver.policy.list_file import ListInfo, Table
from resolver.policy.list_judge import ListUse
from resolver.policy.lists import Lists, Policy, patterns_of
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns, Option
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.message import Message, Question
from resolver.protocol.transport import Client, Transport

if TYPE_CHECKING:
    from resolver.model import Answer
    from resolver.policy.list_parse import Report
    from resolver.policy.list_rules import Key, Rule


class Heap:
    """Takes what a list says, as it comes."""

    def __init__(self) -> None:
        self.plains: list[tuple[Key, int, int]] = []
        self.specials: list[Rule] = []

    def plain(self, key: Key, labels: list[bytes], reach: int, line: int) -> None:
        assert b"".join(bytes([len(each)]) + each for each in labels) == key
        self.plains.append((key, reach, line))

    def special(self, rule: Rule) -> None:
        self.specials.append(rule)


def compiler_of(
    *texts: str, allow: tuple[str, ...] = (), form: str = "auto", as_listed: bool = False,
    cancelled: frozenset[str] = frozenset(),
) -> Compiler:  # fmt: skip
    """Lists "block 0"… of *texts* and "allow 0"… of *allow*."""
    compiler = Compiler(lambda: 0.0)
    for is_allow, group in ((False, texts), (True, allow)):
        for number, text in enumerate(group):
            name = f"{'allow' if is_allow else 'block'} {number}"
            compiler.add(
                ListInfo(name, name, is_allow), text.encode().splitlines(keepends=True),
                form=form, as_listed=as_listed, cancelled=cancelled,
            )  # fmt: skip
    return compiler


def table_of(*texts: str, allow: tuple[str, ...] = (), **how: object) -> Table:
    """These lists, compiled."""
    return Table.read_untrusted(bytes(compiler_of(*texts, allow=allow, **how).octets()))  # type: ignore[arg-type]


def report_of(text: str, **how: object) -> Report:
    """What came of one list."""
    return compiler_of(text, **how).info.lists[0].report  # type: ignore[arg-type]


def lists_of(
    *texts: str, allow: tuple[str, ...] = (), policy: Policy | None = None, **how: object
) -> Lists:
    """These lists in force, used as *policy* says, or for all."""
    lists, table = Lists(), table_of(*texts, allow=allow, **how)
    uses = tuple(ListUse(one.ident, one.name, one.is_allow) for one in table.info.lists)
    lists.go_by(policy or Policy(uses=uses))
    lists.use(table, patterns_of(table))
    return lists


def asked(
    name: str,
    qtype: int = RRType.A,
    *,
    source: str = "192.0.2.9",
    view: str = "default",
    transport: Transport = Transport.UDP,
    options: tuple[Option, ...] | None = None,
    flags: int = Flag.RD,
) -> Query:
    """A client's query; with EDNS where *options* are given."""
    message = Message.asking(Question(names.from_text(name), qtype), flags)
    if options is not None:
        message.edns = Edns(options=options)
    return Query(message, b"", Client(source, 5300, transport), address_octets(source), View(view))


def told(lists: Lists, name: str, qtype: int = RRType.A, **how: object) -> Answer | None:
    """What *lists* tell at once."""
    return lists.step().before(asked(name, qtype, **how))  # type: ignore[arg-type]


def blocks(lists: Lists, name: str, qtype: int = RRType.A, **how: object) -> bool:
    """Do they block it?"""
    return told(lists, name, qtype, **how) is not None
