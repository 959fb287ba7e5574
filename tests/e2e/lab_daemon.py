"""The daemon as it is started, with the lab for its Internet, and one encrypted listener."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.cli.test_serve import free_port
from tests.e2e.test_dot import HOST, PATIENCE_S, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Served(NamedTuple):
    """A daemon with the lab for its Internet."""

    process: subprocess.Popen[str]
    directory: Path
    port: int
    metrics: int
    log: Path

    @property
    def url(self) -> str:
        """Of the listener, if it is for HTTPS."""
        return f"https://{HOST}:{self.port}/dns-query"

    @property
    def authority(self) -> str:
        """The certificate that it made, which is its own authority."""
        return str(self.directory / "tls-certificate.pem")

    def counted(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://{HOST}:{self.metrics}/metrics", timeout=30) as page:
            text = page.read().decode()
        found = re.findall(r"^resolver_(\w+)(?:\{\})? (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


@contextmanager
def serving(
    directory: Path,
    *,
    head: str = "",
    listen: str = HOST,
    workers: int = 1,
    scheme: str = "quic",
    url_path: str = "",
    lab: bool = True,
) -> Iterator[Served]:
    """*lab* False: without an Internet, for the lab has one worker whatever is configured."""
    port, metrics = free_port(), free_port()
    url = f"{scheme}://{listen}:{port}{url_path}"
    path = directory / "resolver.toml"
    path.write_text(f"""
        working_directory = "{directory}"
        server = {{listen = ["{url}"], user = "", workers = {workers}}}
        metrics = {{listen = "{HOST}:{metrics}"}}
        cache = {{persist = false}}
        {head}
    """)
    log = directory / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command("serve", *(["--lab"] * lab), "--config", str(path)), stderr=file, text=True
        )
    it = Served(process, directory, port, metrics, log)
    try:
        ends_at = time.monotonic() + PATIENCE_S
        while not _answers(it):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends_at, log.read_text()
            time.sleep(0.1)
        yield it
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    assert "Traceback" not in log.read_text()


def _answers(it: Served) -> bool:
    try:
        it.counted()
    except OSError:
        return False
    return True
