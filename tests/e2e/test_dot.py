"""DNS over TLS with the clients that people use, against the daemon as it is started."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import dns.message
import dns.query
import dns.rcode
import pytest

from tests.cli.test_serve import free_port
from tests.daemon.test_certificates import Files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "127.0.0.1"
PATIENCE_S = 30.0
ADDRESS = "192.0.2.80"


class Served(NamedTuple):
    """A daemon with the lab for its Internet."""

    process: subprocess.Popen[str]
    directory: Path
    port: int
    log: Path

    @property
    def authority(self) -> Path:
        """The certificate that it made, which is its own authority."""
        return self.directory / "tls-certificate.pem"

    @property
    def pin(self) -> str:
        found = re.search(r"sha256/(\S+)", self.log.read_text())
        assert found is not None, self.log.read_text()
        return found[1]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "resolver", *arguments]


def configured(directory: Path, *, head: str = "", workers: int = 1) -> tuple[Path, int]:
    """A configuration file and the port of its encrypted listener."""
    port = free_port()
    path = directory / "resolver.toml"
    path.write_text(f"""
        working_directory = "{directory}"
        server = {{listen = ["tls://{HOST}:{port}"], user = "", workers = {workers}}}
        {head}
    """)
    return path, port


@contextmanager
def serving(directory: Path, *, head: str = "") -> Iterator[Served]:
    path, port = configured(directory, head=head)
    log = directory / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command("serve", "--lab", "--config", str(path)), stderr=file, text=True
        )
    try:
        ends_at = time.monotonic() + PATIENCE_S
        while not _answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends_at, log.read_text()
            time.sleep(0.1)
        yield Served(process, directory, port, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    assert "Traceback" not in log.read_text()


def _answers(port: int) -> bool:
    try:
        dns.query.tls(
            dns.message.make_query("www.example.com", "A"), HOST, port=port, verify=False, timeout=5
        )
    except (OSError, EOFError, dns.query.dns.exception.Timeout):  # type: ignore[attr-defined]
        return False
    return True


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("dot")) as it:
        yield it


def run(*arguments: str, text: str = "") -> str:
    """What a client prints, on both its outputs."""
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"not installed: {arguments[0]}")
    done = subprocess.run(
        arguments, input=text, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return done.stdout + done.stderr


def kdig(it: Served, *options: str) -> str:
    return run("kdig", f"@{HOST}", "-p", str(it.port), *options)


def test_kdig_verifies_name_and_authority(daemon: Served) -> None:
    said = kdig(daemon, f"+tls-ca={daemon.authority}", "+tls-hostname=localhost", "www.example.com")
    assert ADDRESS in said
    assert "TLS1.3" in said
    assert "Received 468 B" in said  # kdig pads over TLS, and so do we
    other = kdig(daemon, f"+tls-ca={daemon.authority}", "+tls-hostname=else.example", "example.com")
    assert "handshake failed" in other


def test_kdig_verifies_the_pin_that_was_logged(daemon: Served) -> None:
    assert ADDRESS in kdig(daemon, f"+tls-pin={daemon.pin}", "www.example.com")
    wrong = "A" * 43 + "="
    assert "handshake failed" in kdig(daemon, f"+tls-pin={wrong}", "www.example.com")


def test_kdig_asks_several_on_one_connection(daemon: Served) -> None:
    said = kdig(
        daemon, "+tls", "+keepopen", "www.example.com", "+tls", "+keepopen", "nothing.example.com"
    )
    assert said.count("status: NOERROR") == 1
    assert said.count("status: NXDOMAIN") == 1


@pytest.mark.rfc("RFC 7828 §3")
def test_keepalive_is_told(daemon: Served) -> None:
    said = kdig(daemon, "+tls", "+ednsopt=11", "www.example.com")
    assert "Option (11): 0064" in said  # ten seconds, in tenths


def s_client(it: Served, *options: str) -> str:
    return run(
        "openssl", "s_client", "-connect", f"{HOST}:{it.port}", "-CAfile", str(it.authority),
        *options,
    )  # fmt: skip


@pytest.mark.rfc("RFC 7301 §3.2")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-alpn", "h2,dot"), "ALPN protocol: dot"),
        (("-alpn", "h2"), "No ALPN negotiated"),
        ((), "No ALPN negotiated"),
        (("-verify_hostname", "localhost"), "Verification: OK"),
        (("-verify_ip", HOST), "Verification: OK"),
        (("-verify_hostname", "else.example"), "ostname mismatch"),
        (("-tls1_2",), "Verify return code: 0 (ok)"),
        (("-tls1_1",), "alert"),
    ],
)
def test_openssl_agrees(daemon: Served, options: tuple[str, ...], said: str) -> None:
    assert said in s_client(daemon, *options)


@pytest.mark.rfc("RFC 8446 §4.6.1")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed(daemon: Served, tmp_path: Path, version: str) -> None:
    """And no early data is offered: whoever repeats it would be answered again (RFC 8446 §8)."""
    session = str(tmp_path / "session")
    asks = f"openssl s_client -connect {HOST}:{daemon.port} {version} -sess_out {session}"
    first = run("sh", "-c", f"sleep 1 | {asks}")  # tickets come after the handshake
    assert "New, TLS" in first
    if version == "-tls1_3":
        assert "Max Early Data: 0" in first
    assert "Reused, TLS" in s_client(daemon, version, "-sess_in", session)


def test_dnspython_asks_and_is_answered(daemon: Served) -> None:
    for name, rcode in (("www.example.com", dns.rcode.NOERROR), ("x.test.", dns.rcode.NXDOMAIN)):
        asked = dns.message.make_query(name, "A", use_edns=0, pad=128, want_dnssec=True)
        reply = dns.query.tls(
            asked, HOST, port=daemon.port, verify=str(daemon.authority),
            server_hostname="localhost", timeout=10,
        )  # fmt: skip
        assert reply.rcode() == rcode
        assert len(reply.wire or b"") % 468 == 0


def test_dnsperf_loses_nothing(daemon: Served, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("www.example.com A\nexample.com A\nmail.example.com A\n")
    said = run(
        "dnsperf", "-m", "dot", "-s", HOST, "-p", str(daemon.port), "-d", str(names),
        "-c", "8", "-n", "300", "-q", "50",
    )  # fmt: skip
    assert re.search(r"Queries completed: +900 \(100.00%\)", said), said


# --- certificates of the operator's ---------------------------------------------------------------


def _tls(files: Files) -> str:
    return f'tls = {{certificate = "{files.certificate}", key = "{files.key}"}}'


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda files, _: files.key.write_bytes(b""), "it has no key"),
        (lambda files, half: files.certificate.write_bytes(half), "damaged or cut short"),
        (lambda files, _: files.key.unlink(), "is not there"),
    ],
)
def test_check_and_serve_say_the_same(tmp_path: Path, spoil: object, why: str) -> None:
    """File, key, value and what was expected; and nothing is started."""
    files = Files(tmp_path)
    whole = files.certificate.read_bytes()
    spoil(files, whole[: len(whole) // 2])  # type: ignore[operator]
    path, _ = configured(tmp_path, head=_tls(files))
    checked = subprocess.run(
        command("check", str(path)), capture_output=True, text=True, check=False
    )
    started = subprocess.run(
        command("serve", "--lab", "--config", str(path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, started.returncode) == (2, 2)
    sentence = checked.stderr.splitlines()[0]
    assert sentence.startswith(f"{path} line ")
    assert ": tls." in sentence
    assert why in sentence
    assert started.stderr.splitlines()[0] == f"resolver: {sentence}"


def test_it_is_taken_into_use_at_sighup(tmp_path: Path) -> None:
    files = Files(tmp_path)
    (tmp_path / "fresh").mkdir()
    fresh = Files(tmp_path / "fresh")
    with serving(tmp_path, head=_tls(files)) as it:
        old, new = (
            run("openssl", "x509", "-in", str(each.certificate), "-noout", "-serial")
            for each in (files, fresh)
        )
        assert _shown(it) == old
        fresh.certificate.replace(files.certificate)
        it.process.send_signal(signal.SIGHUP)
        _wait_for(it, "not reloaded, nothing has changed")
        assert _shown(it) == old
        fresh.key.replace(files.key)
        it.process.send_signal(signal.SIGHUP)
        _wait_for(it, "reloaded: the certificate")
        assert _shown(it) == new


def _shown(it: Served) -> str:
    said = run("openssl", "s_client", "-connect", f"{HOST}:{it.port}")
    return run("openssl", "x509", "-noout", "-serial", text=said)


def _wait_for(it: Served, words: str) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while words not in it.log.read_text():
        assert time.monotonic() < ends_at, it.log.read_text()
        time.sleep(0.05)
