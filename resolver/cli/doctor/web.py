"""Is there a portal in the way? A page that is the same for everybody, fetched in clear text.

Only asked for where DNS looks as it does behind one. The page's host is looked up at the name
servers that the network offers, for these are the ones that a portal lets through, and at whoever
answers in others' place (RFC 8910 has a better way, which needs DHCP's help). Its name and this
machine's address are all that it learns.
"""

from __future__ import annotations

import socket
from random import SystemRandom
from typing import TYPE_CHECKING, Final

import trio

from resolver.cli.compare import Asker
from resolver.cli.doctor.evidence import Portal
from resolver.errors import WireError
from resolver.limits import DOCTOR_PAGE_OCTETS, DOCTOR_REPLY_SECONDS, DOCTOR_TRIES
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

URL: Final = "http://detectportal.firefox.com/success.txt"
_EXPECTED: Final = b"success"
_OK: Final = 200


async def look(url: str, uplinks: Sequence[str]) -> Portal:
    """What came of it. Never raises."""
    host, slash, path = url.removeprefix("http://").partition("/")
    addresses = await _addresses(host, uplinks)
    if not addresses:
        return Portal(url, 0, trouble="its address is not known")
    with trio.move_on_after(DOCTOR_REPLY_SECONDS * DOCTOR_TRIES):
        try:
            return read_untrusted(url, await _page(addresses[0], host, slash + path))
        except (OSError, trio.BrokenResourceError) as error:
            return Portal(url, 0, trouble=getattr(error, "strerror", None) or "cut off")
        except WireError as error:
            return Portal(url, 0, trouble=str(error))
    return Portal(url, 0, trouble="no reply")


def read_untrusted(url: str, octets: bytes) -> Portal:
    """What a web server answered, to an HTTP/1.0 request. Raises WireError: it is no HTTP."""
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    words = first.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():  # noqa: PLR2004
        raise WireError("what answers is no web server")
    location = next((one for one in fields if one.lower().startswith(b"location:")), b"")
    where = location.partition(b":")[2].strip().decode("ascii", "backslashreplace")
    status = int(words[1][:3])
    is_expected = status == _OK and body.strip().startswith(_EXPECTED)
    return Portal(url, status, where, is_as_expected=is_expected)


async def _page(address: str, host: str, path: str) -> bytes:
    """The first DOCTOR_PAGE_OCTETS of the answer. Raises OSError, trio.BrokenResourceError."""
    stream = await trio.open_tcp_stream(address, 80)
    async with stream:
        request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        await stream.send_all(request.encode("ascii"))
        octets = b""
        while len(octets) < DOCTOR_PAGE_OCTETS:
            more = await stream.receive_some(DOCTOR_PAGE_OCTETS - len(octets))
            if not more:
                break
            octets += more
        return octets


async def _addresses(host: str, uplinks: Sequence[str]) -> list[str]:
    """Of the first name server that tells one; all are asked at once."""
    network = SystemNetwork()
    asker = Asker(network, SystemRandom())
    question = Question(names.from_text(host), RRType.A)
    found: list[str] = []

    async def ask(uplink: str) -> None:
        reply = await asker.fetch(Server(uplink), question, patience_s=DOCTOR_REPLY_SECONDS)
        for one in reply.message.answer if reply.message is not None else ():
            if one.rtype == RRType.A:
                found.append(socket.inet_ntop(socket.AF_INET, one.rdata))
                asking.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        async with trio.open_nursery() as asking:
            for uplink in uplinks:
                asking.start_soon(ask, uplink)
        nursery.cancel_scope.cancel()
    network.close()
    return found
