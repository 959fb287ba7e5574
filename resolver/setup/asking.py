"""Do names resolve? Asked of our own address, and of the machine as its programs do."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from resolver.config.endpoints import DNS_PORT
from resolver.errors import WireError
from resolver.limits import SETUP_ANSWER_SECONDS
from resolver.protocol import names
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT
from resolver.protocol.codes import RRClass, RRType, rcode_text
from resolver.protocol.edns import OPT_EDE, Edns, ede_of
from resolver.protocol.wire import build_query, parse_untrusted
from resolver.telemetry.presentation import ede_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.protocol.message import Message
    from resolver.setup.commands import Commands

_MOST_OCTETS: Final = 65_535
_AGAIN_S: Final = 0.25
_RD: Final = 0x0100


def why_not(host: str, name: str, patience_s: float) -> str:
    """ "" if the daemon at *host* resolves *name* within *patience_s*, else why not."""
    deadline = time.monotonic() + patience_s
    reason = "nothing answers there"
    while time.monotonic() < deadline:
        reply = ask(host, DAEMON, RRType.TXT, RRClass.CH)
        if reply is None:
            time.sleep(_AGAIN_S)
            continue
        if not _is_ours(reply):
            return "another program answers there"
        reply = ask(host, names.from_text(name), RRType.A, RRClass.IN)
        if reply is None:
            reason = f"no reply for {name}"
        elif reply.rcode == 0 and reply.answer:
            return ""
        else:
            why = "; ".join(_extended_errors(reply)) or "no reason given"
            reason = f"{name}: {rcode_text(reply.rcode)} ({why})"
        time.sleep(_AGAIN_S)
    return reason


def is_our_daemon(host: str) -> bool:
    """True if one of ours answers there."""
    reply = ask(host, DAEMON, RRType.TXT, RRClass.CH)
    return reply is not None and _is_ours(reply)


def _is_ours(reply: Message) -> bool:
    return any(record.rdata == DAEMON_TEXT for record in reply.answer)


def ask(host: str, qname: bytes, qtype: int, qclass: int) -> Message | None:
    """The reply of *host* within SETUP_ANSWER_SECONDS, or None."""
    number = int.from_bytes(os.urandom(2))
    query = build_query(id=number, qname=qname, qtype=qtype, qclass=qclass, flags=_RD, edns=Edns())
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(SETUP_ANSWER_SECONDS)
            sock.bind(("::1" if ":" in host else "127.0.0.1", 0))  # the daemon tells nobody else
            sock.connect((host, DNS_PORT))
            sock.send(query)
            reply = parse_untrusted(sock.recv(_MOST_OCTETS))
    except (OSError, WireError):
        return None
    return reply if reply.id == number else None


def _extended_errors(reply: Message) -> Iterator[str]:
    for code, data in reply.edns.options if reply.edns is not None else ():
        found = ede_of(data) if code == OPT_EDE else None
        if found is not None:
            yield ede_text(*found)


def why_system_not(run: Commands, name: str, patience_s: float) -> str:
    """ "" if a program of this machine gets an address of *name* (getent), else why not."""
    deadline = time.monotonic() + patience_s
    reason = "no time"
    while (left_s := deadline - time.monotonic()) > 0:
        ended = run(("getent", "ahosts", name), timeout_s=max(0.1, left_s))
        if ended.is_good:
            return ""
        reason = ended.reason if ended.err else f"getent ahosts {name} finds nothing"
        time.sleep(_AGAIN_S)
    return reason
