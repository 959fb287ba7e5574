"""Which instance a server is, by its own word on demand: id.server and hostname.bind (RFC 4892).

The queries go out as all do, by the dispatcher: over UDP, and with NSID beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from resolver.budget import Share
from resolver.delegation import Delegation, Server
from resolver.errors import ResolverError
from resolver.limits import NSID_OCTETS, POPS_SECONDS
from resolver.model import Question, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRClass, RRType
from resolver.upstream.instance import text_of
from resolver.upstream.request import Classified, Request

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.operate.view import Parts
    from resolver.protocol.wire import Message

_NAMES: Final = ("id.server.", "hostname.bind.")
_REPLY_SECONDS: Final = 5.0


async def ask_chaos(parts: Parts, key: Key, nameserver: str) -> dict[str, str | None]:
    """What the server says under both names, one POPS_SECONDS after the other; None: nothing."""
    host, port, transport, auth_name = key
    server = Server(host, port, names.from_text(nameserver or "."), transport, auth_name)
    said: dict[str, str | None] = {}
    for number, name in enumerate(_NAMES):
        if number:
            await trio.sleep(POPS_SECONDS)
        said[name] = await _ask(
            parts, server, Question(names.from_text(name), RRType.TXT, RRClass.CH)
        )
    return said


async def _ask(parts: Parts, server: Server, question: Question) -> str | None:
    parts.infra.state(server).watch.nsid_in = 0  # the reply is to say that, too
    cut = Delegation(
        question.qname, (server.nameserver,), {server.nameserver: (server,)}, is_last_word=True
    )
    deadline = trio.current_time() + _REPLY_SECONDS
    request = Request(
        question, cut, _whatever, _no_more, Share.for_client(deadline), takes_any=True
    )
    try:
        with trio.move_on_at(deadline):
            reply = await parts.dispatcher.ask(request)
            return _text(reply.message)
    except ResolverError:
        return None
    return None


def _whatever(message: Message, server: Server) -> Classified:
    """A refusal is an answer here, and says nothing about the server."""
    del message, server
    return Classified(Verdict.ANSWER)


async def _no_more() -> bool:
    return False


def _text(message: Message) -> str | None:
    """The first string of the first TXT record; untrusted."""
    for record in message.answer:
        if record.rtype == RRType.TXT and record.rdata:
            return text_of(record.rdata[1 : 1 + min(record.rdata[0], NSID_OCTETS)])
    return None
