"""What the running daemon says of its ways out, over its control socket."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from resolver.cli.doctor import host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UP = {"is_up": True, "since": 0, "outages": 0, "outage_s": 0, "ways_cut_off": 0}


@contextmanager
def door(directory: Path, reply: bytes) -> Iterator[str]:
    """A socket that answers one request with *reply*; the configuration that names it."""
    path = directory / "control"
    config = directory / "resolver.toml"
    config.write_text(f'control.socket = "{path}"\n')

    def answer() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(reply)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        yield str(config)
        thread.join()


def status(**link: Any) -> bytes:
    return json.dumps({"id": 1, "ok": True, "link": UP | link}).encode() + b"\n"


@pytest.mark.parametrize(
    ("link", "words", "is_cut"),
    [
        ({}, "link: up since", False),
        ({"is_up": False, "ways_cut_off": 1, "outages": 1}, "link: down since", True),
        ({"ways_cut_off": 2}, "2 forward or stub zones cannot be reached", True),
    ],
)
def test_its_words_and_whether_a_way_is_cut_off(
    tmp_path: Path, link: dict[str, Any], words: str, *, is_cut: bool
) -> None:
    with door(tmp_path, status(**link)) as config:
        said, found = host._door(config)
    assert words in said
    assert found is is_cut


@pytest.mark.parametrize(
    "reply", [b"", b"no JSON\n", b'{"id":1,"ok":false,"error":"no"}\n', b'{"id":1,"ok":true}\n']
)
def test_a_door_that_says_nothing_of_use_is_as_none(tmp_path: Path, reply: bytes) -> None:
    with door(tmp_path, reply) as config:
        assert host._door(config) == ("", False)


def test_without_a_daemon_there_is_none(tmp_path: Path) -> None:
    config = tmp_path / "resolver.toml"
    config.write_text(f'control.socket = "{tmp_path}/nobody"\n')
    assert host._door(str(config)) == ("", False)
