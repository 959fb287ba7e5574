"""A process that has shut itself off opens no file and connects nowhere; what it has it keeps."""

from __future__ import annotations

import subprocess
import sys

from resolver.web.landlock import ruleset

CODE = """
import os, socket, sys
from resolver.daemon import privileges
from resolver.web import landlock
here, there = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
privileges.prctl(38, 1)
done = landlock.shut()
said = [done]
for attempt in (
    lambda: open("/etc/hostname"), lambda: open("/tmp/written", "w"), lambda: os.listdir("/"),
    lambda: socket.create_connection(listener.getsockname(), timeout=5),
):
    try:
        attempt()
        said.append("let through")
    except PermissionError:
        said.append("refused")
here.send(b"x")
said.append(there.recv(1) == b"x")
print(said)
"""


def test_nothing_is_opened_any_more() -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=True
    )
    told = found.stdout.strip()
    if told.startswith("[True"):
        assert told == "[True, 'refused', 'refused', 'refused', 'refused', True]"
    else:  # a kernel that does not know it: nothing has changed
        assert told.startswith("[False")
        assert told.endswith("True]")


def test_a_kernel_is_asked_for_what_it_knows() -> None:
    """Sizes and bits of struct landlock_ruleset_attr (linux/landlock.h), version by version."""
    assert ruleset(1) == (0x1FFF).to_bytes(8, sys.byteorder)
    assert ruleset(3) == (0x7FFF).to_bytes(8, sys.byteorder)
    assert len(ruleset(4)) == 16
    assert len(ruleset(6)) == len(ruleset(9)) == 24
    assert ruleset(6)[:8] == (0xFFFF).to_bytes(8, sys.byteorder)
