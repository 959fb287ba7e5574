"""What a forwarder leaves out on purpose, and says so, is passed on as that. Pure.

RFC 8914 §4.16 to §4.18: EDE 15 (blocked), 16 (censored), 17 (filtered). A forwarder that says so is
no liar: what it blocks cannot be signed, so it is not validated, nobody else is asked, and it is
neither secure nor kept as what the zone says. Some do not say it, but answer with 0.0.0.0 and ::,
which is nobody's address, or with that of a page of theirs; that counts where the operator knows
that they filter, and who they are (`config.providers`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.model import Ede, Link, Source, Status, Verdict
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.edns import blocks
from resolver.upstream.request import Classified

if TYPE_CHECKING:
    from resolver.model import Delegation, Question, Server
    from resolver.protocol.wire import Message

_WITHOUT_DATA: Final = (Rcode.REFUSED, Rcode.SERVFAIL)  # with such an error it is no failure
_NOBODY: Final = {RRType.A: bytes(4), RRType.AAAA: bytes(16)}


def as_blocked(
    classified: Classified,
    message: Message,
    question: Question,
    delegation: Delegation,
    server: Server,
) -> Classified:
    """*classified*, marked as blocked if that is what *server*, a forwarder, says."""
    ede = tuple(Ede(*one) for one in blocks(message.edns))
    if not ede and delegation.filters:
        ede = _by_address(classified.links, delegation, server)
    if not ede:
        return classified
    if message.rcode in _WITHOUT_DATA:
        link = Link(question, delegation.zone, Verdict.NODATA, message.rcode, server=server)
        return Classified(Verdict.NODATA, (_marked(link, ede),))
    if not classified.links:
        return classified
    *others, last = classified.links
    return classified._replace(links=(*(_marked(one, ()) for one in others), _marked(last, ede)))


def _by_address(links: tuple[Link, ...], delegation: Delegation, server: Server) -> tuple[Ede, ...]:
    """What the addresses say, where all of them say it."""
    if not links or not links[-1].answer:
        return ()
    rrset = links[-1].answer[-1]
    nobody = _NOBODY.get(rrset.rtype)
    if nobody is None:
        return ()
    if all(rdata == nobody for rdata in rrset.rdatas):
        return (Ede(EdeCode.BLOCKED, f"{server.host} answers with nobody's address"),)
    if delegation.block_pages.issuperset(rrset.rdatas):
        return (Ede(EdeCode.BLOCKED, f"{server.host} answers with the address of a block page"),)
    return ()


def _marked(link: Link, ede: tuple[Ede, ...]) -> Link:
    link.status = Status.INSECURE
    link.source = Source.BLOCKED
    link.ede = ede
    return link
