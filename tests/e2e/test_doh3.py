"""HTTP/3 beside https://, with dnspython's client and curl, against the daemon as it is started."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.e2e.lab_daemon import serving
from tests.e2e.test_doq import GONE
from tests.e2e.test_dot import ADDRESS, HOST, PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.lab_daemon import Served

pytestmark = [  # dnspython's client forgets to close its own pipe
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("doh3"), scheme="https") as it:
        yield it


def ask(
    it: Served, name: str = "www.example.com", *, post: bool = True, timeout_s: float = PATIENCE_S
) -> dns.message.Message:
    reply: dns.message.Message = dns.query.https(
        dns.message.make_query(name, "A", want_dnssec=True),
        f"https://{HOST}:{it.port}/dns-query",
        timeout=timeout_s,
        verify=it.authority,
        http_version=dns.query.HTTPVersion.HTTP_3,
        post=post,
    )
    return reply


@pytest.mark.parametrize("post", [True, False])
def test_answers_by_http3(daemon: Served, post: bool) -> None:  # noqa: FBT001
    reply = ask(daemon, post=post)
    assert ADDRESS in str(reply.answer)
    assert reply.flags & dns.flags.AD
    assert ask(daemon, "nothing.example.com").rcode() == dns.rcode.NXDOMAIN


def test_alt_svc_names_it_and_the_counters_know(daemon: Served) -> None:
    ask(daemon)
    assert f'alt-svc: h3=":{daemon.port}"; ma=86400' in _headers(daemon)
    counted = daemon.counted()
    assert counted["http3_queries_total"] >= 1
    assert counted["https_http3_total"] >= 1
    assert counted["quic_faults_total"] == 0


def test_without_it_nothing_is_promised(tmp_path: Path) -> None:
    with serving(tmp_path, scheme="https", head="https = {http3 = false}") as it:
        assert "alt-svc" not in _headers(it)
        with pytest.raises(GONE):
            ask(it, timeout_s=3)


def _headers(it: Served) -> str:
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    url = f"https://{HOST}:{it.port}/resolve?name=www.example.com"
    done = subprocess.run(
        ["curl", "-s", "--cacert", it.authority, "-D-", "-o/dev/null", url],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    return done.stdout.lower()
