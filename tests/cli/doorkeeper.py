"""A control socket that says what it was told to say, whatever it is asked, once."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextmanager
def door_of(folder: Path, replies: Sequence[bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its path, and what it is asked."""
    path, asked = folder / "door", list[dict[str, Any]]()
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        client, _ = listener.accept()
        with client, client.makefile("rb") as lines:
            asked.append(msgspec.json.decode(lines.readline()))
            client.sendall(b"".join(replies))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield str(path), asked
        thread.join(10)
