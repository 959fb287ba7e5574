"""The page where others can reach it, and where a reload begins and ends it."""

from __future__ import annotations

import http.client
import ssl
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.cli.test_serve import free_port
from tests.e2e.controlled import PATIENCE_S, controlled, open_folder, write
from tests.e2e.test_page import FORM, Served

if TYPE_CHECKING:
    from pathlib import Path


def _head(folder: Path, listen: str = "") -> str:
    web = f"web.listen = '{listen}'\n" if listen else ""
    return (
        f"server.user = ''\nworking_directory = '{folder}'\ncache.persist = false\n"
        f"tls.names = ['dns.home.example']\n{web}"
    )


def _asked(
    port: int, path: str, *, token: str = "", host: str = "", form: str | None = None
) -> tuple[int, str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    heads = {"Authorization": f"Bearer {token}"} if token else {}
    heads |= {"Host": host} if host else {}
    heads |= {"Content-Type": FORM} if form is not None else {}
    client = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    with closing(client):
        client.request("POST" if form is not None else "GET", path, form, heads)
        reply = client.getresponse()
        return reply.status, reply.read().decode()


def _comes(port: int) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            _asked(port, "/page.css")
        except OSError:
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        else:
            return


def test_where_others_come_it_is_tls_and_nothing_shows_without_the_token() -> None:
    port = free_port()
    with open_folder() as folder, controlled(folder, head=_head(folder, f"0.0.0.0:{port}")):
        _comes(port)
        token = (folder / "web-token").read_text().strip()
        status, page = _asked(port, "/")
        assert status == 200
        assert 'type="password"' in page
        assert "From memory" not in page
        for name in ("live", "log", "api/", "api/openapi.json", "api/stats", "api/why?name=a"):
            path = f"/{name}"
            assert _asked(port, path)[0] == 401, path
            assert _asked(port, path, token="wrong-wrong-wrong")[0] == 401
        assert _asked(port, "/api/numbers", token=token)[0] == 200
        assert "From memory" in _asked(port, "/", form=f"token={token}")[1]
        assert _asked(port, "/", host="dns.home.example")[0] == 200
        assert _asked(port, "/", host="evil.example")[0] == 421
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as plain:
            try:
                plain.request("GET", "/")
                assert plain.getresponse().status == 400
            except (OSError, http.client.HTTPException):
                pass  # it is no HTTP, and closed


def test_a_reload_begins_moves_and_ends_it() -> None:
    first, second = free_port(), free_port()
    with open_folder() as folder, controlled(folder, head=_head(folder)) as daemon:
        served = Served(daemon, first)
        assert served.child() == 0
        for port in (first, second):
            write(folder, daemon.port, _head(folder, f"127.0.0.1:{port}"))
            assert daemon.control("reload").returncode == 0
            served = Served(daemon, port)
            assert served.comes()
            assert served.child() != 0
        before = served.child()
        assert daemon.control("reload").returncode == 0
        assert served.child() == before  # nothing of it has changed
        (folder / "web-token").write_text("short\n")
        write(folder, daemon.port, _head(folder, f"127.0.0.1:{first}"))
        refused = daemon.control("reload")
        assert refused.returncode == 1
        assert "web.token_file" in refused.stderr
        assert served.child() == before
        write(folder, daemon.port, _head(folder))
        assert daemon.control("reload").returncode == 0
        ends_at = time.monotonic() + PATIENCE_S
        while served.child():
            assert time.monotonic() < ends_at
            time.sleep(0.05)
