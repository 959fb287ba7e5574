"""Browsers that ask over HTTPS and nothing else: does a page come that only our answer leads to?

Each has a home of its own, with our certificate in it. Chromium takes its DNS from a policy, which
lies in /etc: there it is in the browser's own mounts only. Root.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import threading
import time
import uuid
from typing import TYPE_CHECKING

from bench.clients.cases import ADDRESS, ANSWER, DENIAL, PAGE, Told
from bench.clients.programs import Client, NotHad, run
from bench.clients.served import HOST, PATIENCE_S
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.clients.cases import Case
    from bench.clients.served import Served

POLICY = "/etc/chromium/policies/managed"
PAGE_S = 60.0
FETCHED = Told("NOERROR", {"A": frozenset({ADDRESS})})
_PREFERENCES = {
    "network.trr.mode": 3,
    "network.trr.bootstrapAddr": HOST,
    "network.trr.confirmationNS": "skip",
    "network.trr.allow-rfc1918": True,
    "network.proxy.type": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "dom.security.https_first": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
}


class Pages(http.server.ThreadingHTTPServer):
    """Remembers which paths were fetched."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Page)
        self.fetched: set[str] = set()


class _Page(http.server.BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        self.server.fetched.add(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>it came</p>")

    def log_message(self, *_: object) -> None:
        """Nobody reads that."""


@contextlib.contextmanager
def pages() -> Iterator[Pages]:
    server = Pages()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _trust(store: Path, it: Served) -> None:
    """Our certificate as an authority, in a store of NSS."""
    store.mkdir(parents=True)
    where = f"sql:{store}"
    run("certutil", "-d", where, "-N", "--empty-password")
    done = run("certutil", "-d", where, "-A", "-t", "C,,", "-n", "ours", "-i", str(it.authority))
    if done.returncode:
        raise NotHad(f"certutil: {done.stderr.decode().strip()}")


def _chromium(it: Served, case: Case) -> Told:
    home = it.directory / f"chromium-{uuid.uuid4()}"
    _trust(home / ".pki" / "nssdb", it)
    managed = home / "managed"
    managed.mkdir()
    policy = {"DnsOverHttpsMode": "secure", "DnsOverHttpsTemplates": it.url + "{?dns}"}
    (managed / "dns.json").write_text(json.dumps(policy))
    with pages() as server:
        host = PAGE if case is ANSWER else case.qname
        url = f"http://{host.rstrip('.')}:{server.server_address[1]}/"
        script = (
            f"mkdir -p {POLICY} && mount --bind {managed} {POLICY} && exec chromium --headless=new "
            f"--no-sandbox --no-proxy-server --disable-gpu --user-data-dir={home}/data "
            f"--dump-dom {url}"
        )
        done = run("unshare", "-m", "env", f"HOME={home}", "sh", "-c", script)
        if case is ANSWER and server.fetched and b"it came" in done.stdout:
            return FETCHED
    if case is DENIAL and b"ERR_NAME_NOT_RESOLVED" in done.stderr:
        return Told("NXDOMAIN", {})
    raise NotHad("no page came")


def _firefox(it: Served, _: Case) -> Told:
    home = it.directory / f"firefox-{uuid.uuid4()}"
    _trust(home / "profile", it)
    preferences = {**_PREFERENCES, "network.trr.uri": it.url}
    (home / "profile" / "user.js").write_text(
        "".join(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n"
                for key, value in preferences.items())
    )  # fmt: skip
    with pages() as server:
        url = f"http://{PAGE.rstrip('.')}:{server.server_address[1]}/"
        words = ["env", f"HOME={home}", "firefox-esr", "--headless", "--no-remote", "--profile",
                 str(home / "profile"), url]  # fmt: skip
        with subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            until = time.monotonic() + PAGE_S
            while not server.fetched and time.monotonic() < until:
                time.sleep(0.2)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
            process.kill()
        if "/" in server.fetched:
            return FETCHED
    raise NotHad("no page came")


def clients() -> Sequence[Client]:
    https = Transport.HTTPS
    return (
        Client("Chromium, secure DNS by policy", https, _chromium, "chromium", (ANSWER, DENIAL)),
        Client("Firefox, TRR mode 3", https, _firefox, "firefox-esr", (ANSWER,)),
    )
