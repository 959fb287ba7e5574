"""A client over one warm stream: so many questions in one write, then all of their answers, again.

`python -m bench.throughput.rounds PORT DEPTH SECONDS [tls] [padded]` prints how many it asked. The
depth decides how much of a wake-up each question pays, which a load that goes as fast as it can
leaves to the machine; so rows compare where there is no quiet one.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.throughput.load import Cost

if TYPE_CHECKING:
    from bench.throughput.contestants import Peer

_NAMES = 1000
_PADDING = 64


def run(peer: Peer, *, core: int, seconds: float, depth: int, words: tuple[str, ...]) -> Cost:
    """CPU of *peer* for each question; *words* as on the command line."""
    port = peer.tls_port if "tls" in words else peer.port
    client = [sys.executable, "-m", "bench.throughput.rounds", str(port), str(depth), str(seconds)]
    before = peer.cpu_s()
    done = subprocess.run(
        ["taskset", "-c", str(core), *client, *words], capture_output=True, text=True, check=True
    )
    spent, asked = peer.cpu_s() - before, int(done.stdout)
    return Cost(spent / max(asked, 1) * 1e6, asked / seconds, asked, 0, 0.0)


def _question(number: int, *, is_padded: bool) -> bytes:
    """`n<number>.example.com A`, with its length before it."""
    label = f"n{number}".encode()
    name = bytes([len(label)]) + label + b"\x07example\x03com\0"
    tail = b""
    if is_padded:
        option = b"\0\x0c" + _PADDING.to_bytes(2, "big") + bytes(_PADDING)
        tail = b"\0\0\x29\x04\xd0\0\0\0\0" + len(option).to_bytes(2, "big") + option
    counts = b"\0\1\0\0\0\0\0" + (b"\1" if is_padded else b"\0")
    message = number.to_bytes(2, "big") + b"\1\0" + counts + name + b"\0\1\0\1" + tail
    return len(message).to_bytes(2, "big") + message


def _connected(port: int, *, is_tls: bool) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not is_tls:
        return sock
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def _take(sock: socket.socket, buffer: bytes, count: int) -> bytes:
    """Read *count* messages; what is left over."""
    at = 0
    while count:
        end = at + 2 + int.from_bytes(buffer[at : at + 2], "big")
        if len(buffer) < at + 2 or len(buffer) < end:
            more = sock.recv(65_536)
            if not more:
                raise ConnectionResetError
            buffer += more
            continue
        at, count = end, count - 1
    return buffer[at:]


def main() -> None:
    port, depth, seconds, *words = sys.argv[1:]
    width = int(depth)
    questions = [_question(at, is_padded="padded" in words) for at in range(_NAMES)]
    writes = [b"".join(questions[at : at + width]) for at in range(0, _NAMES, width)]
    asked, rest, ends_at = 0, b"", time.monotonic() + float(seconds)
    with _connected(int(port), is_tls="tls" in words) as sock:
        for octets in itertools.cycle(writes):
            sock.sendall(octets)
            rest = _take(sock, rest, width)
            asked += width
            if time.monotonic() >= ends_at:
                break
    print(asked)


if __name__ == "__main__":
    main()
