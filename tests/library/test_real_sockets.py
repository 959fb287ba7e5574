"""The library on real sockets: what it opens for a question, it closes, and it opens no more."""

from __future__ import annotations

import gc
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rrset

import resolver

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTENING = "0A"  # the state of a TCP socket in /proc/net/tcp


@contextmanager
def forwarder() -> Iterator[int]:
    """Answers every question over UDP with 192.0.2.1, until the block ends; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (received := sock.recvfrom(4096))[0]:  # an empty datagram ends it
                query = dns.message.from_wire(received[0])
                reply = dns.message.make_response(query, recursion_available=True)
                name = query.question[0].name
                reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
                sock.sendto(reply.to_wire(), received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()


def sockets() -> dict[str, str]:
    """The Internet sockets of this process, by inode: table and state."""
    held = {str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()}
    found = {}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            fields = row.split()
            if f"socket:[{fields[9]}]" in held:
                found[fields[9]] = f"{table} {fields[3]}"
    return found


def test_sockets_are_for_questions_only() -> None:
    with forwarder() as port:
        config = {
            "forward": [{"zone": ".", "addresses": [f"127.0.0.1:{port}"]}],
            "dnssec": {"validate": False},
        }
        gc.collect()  # what other tests left open is closed before, not in between
        before = sockets()
        with resolver.open_sync(config, lab=False) as r:
            assert sockets() == before  # no listener, no port
            answer = r.resolve("www.example.com")
            assert answer.addresses == ("192.0.2.1",)
            assert answer.security == "insecure"
            fresh = {inode: state for inode, state in sockets().items() if inode not in before}
            assert not any(LISTENING in state for state in fresh.values())
        assert sockets() == before
