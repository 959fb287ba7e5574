"""A client over one warm stream: so many questions in one write, then all of their answers, again.

`python -m bench.throughput.rounds PORT DEPTH SECONDS [tls|https|quic] [padded]` prints how many it
asked. The depth decides how much of a wake-up each question pays, which a load that goes as fast as
it can leaves to the machine; so rows compare where there is no quiet one.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.throughput import warm
from bench.throughput.load import Cost
from resolver.protocol.framing import frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.throughput.contestants import Peer

    Ask = Callable[[list[bytes]], None]

_NAMES = 1000
_PADDING = 64


def run(peer: Peer, *, core: int, seconds: float, depth: int, words: tuple[str, ...]) -> Cost:
    """CPU of *peer* for each question; *words* as on the command line."""
    ports = {"tls": peer.tls_port, "https": peer.https_port, "quic": peer.quic_port}
    port = next((ports[word] for word in words if word in ports), peer.port)
    client = [sys.executable, "-m", "bench.throughput.rounds", str(port), str(depth), str(seconds)]
    before = peer.cpu_s()
    done = subprocess.run(
        ["taskset", "-c", str(core), *client, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{peer.name}, {words}: {done.stderr[-400:]}")
    spent, asked = peer.cpu_s() - before, int(done.stdout)
    return Cost(spent / max(asked, 1) * 1e6, asked / seconds, asked, 0, 0.0)


def _question(number: int, *, is_padded: bool, ident: int) -> bytes:
    """`n<number>.example.com A`."""
    label = f"n{number}".encode()
    name = bytes([len(label)]) + label + b"\x07example\x03com\0"
    tail = b""
    if is_padded:
        option = b"\0\x0c" + _PADDING.to_bytes(2, "big") + bytes(_PADDING)
        tail = b"\0\0\x29\x04\xd0\0\0\0\0" + len(option).to_bytes(2, "big") + option
    counts = b"\0\1\0\0\0\0\0" + (b"\1" if is_padded else b"\0")
    return ident.to_bytes(2, "big") + b"\1\0" + counts + name + b"\0\1\0\1" + tail


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


def _over_a_stream(port: int, *, is_tls: bool) -> Ask:
    sock, rest = _connected(port, is_tls=is_tls), b""

    def ask(questions: list[bytes]) -> None:
        nonlocal rest
        sock.sendall(b"".join(map(frame, questions)))
        rest = _take(sock, rest, len(questions))

    return ask


def main() -> None:
    port, depth, seconds, *words = sys.argv[1:]
    width = int(depth)
    numbered = not {"https", "quic"} & set(words)  # else ID 0
    questions = [
        _question(at, is_padded="padded" in words, ident=at if numbered else 0)
        for at in range(_NAMES)
    ]
    writes = [questions[at : at + width] for at in range(0, _NAMES, width)]
    if "https" in words:
        ask: Ask = warm.Https(int(port)).ask
    elif "quic" in words:
        ask = warm.Quic(int(port)).ask
    else:
        ask = _over_a_stream(int(port), is_tls="tls" in words)
    asked, ends_at = 0, time.monotonic() + float(seconds)
    for some in itertools.cycle(writes):
        ask(some)
        asked += width
        if time.monotonic() >= ends_at:
            break
    print(asked)


if __name__ == "__main__":
    main()
