"""Clients that are programs, and how each is asked; what it printed, or sent, as `cases.Told`.

Whatever a client finds wrong with the certificate is a failure here: all that can verify do.
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import dns.exception
import dns.message

from bench.clients.cases import ADDRESS, ANSWER, CASES, DENIAL, LARGEST, PAGE, Told, told_of
from bench.clients.served import HOST, NAME, PATIENCE_S
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.clients.cases import Case
    from bench.clients.served import Served

UDP, TLS, HTTPS, QUIC = Transport.UDP, Transport.TLS, Transport.HTTPS, Transport.QUIC


NOT_LARGEST = tuple(case for case in CASES if case is not LARGEST)
STUBBY = "stubby 0.3 is silent about what is over 61 kB, whoever answers (Unbound, too)."


class NotHad(Exception):
    """A client that cannot be asked this here, and why."""


class Client(NamedTuple):
    """One way to ask. *program* and *module* are what must be installed.

    *cases*: those that it can be asked; it has no way to show the rest, or *note* says why.
    """

    name: str
    transport: Transport
    ask: Callable[[Served, Case], Told]
    program: str = ""
    cases: tuple[Case, ...] = CASES
    note: str = ""
    module: str = ""


def run(*words: str, octets: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """It, to its end. Raises NotHad if it does not end."""
    try:
        return subprocess.run(words, input=octets, capture_output=True, timeout=PATIENCE_S,
                              check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotHad(f"{words[0]} did not end in {PATIENCE_S:g} s") from None


def query(case: Case) -> dns.message.Message:
    return dns.message.make_query(case.qname, case.rtype, want_dnssec=case.wants_dnssec)


def read(octets: bytes) -> Told:
    try:
        return told_of(dns.message.from_wire(octets))
    except dns.exception.DNSException as error:
        raise NotHad(f"no DNS message: {error!r}") from None


# --- kdig ----------------------------------------------------------------------------------------

_STATUS = re.compile(r"opcode: QUERY; status: (\w+)")
_FLAGS = re.compile(r"^;; Flags: ([\w ]*);", re.MULTILINE)
_RECORD = re.compile(r"^\S+\s+\d+\s+IN\s+(\w+)\s+(.*)$", re.MULTILINE)


def _kdig(*options: str) -> Callable[[Served, Case], Told]:
    def ask(it: Served, case: Case) -> Told:
        words = [one.format(ca=it.authority, pin=it.pin, name=NAME) for one in options]
        transport = HTTPS if "+https" in words or "+https-get" in words else TLS
        port = it.ports[transport if any(one.startswith("+") for one in words) else UDP]
        dnssec = ["+dnssec"] if case.wants_dnssec else []
        return kdig(port, *words, *dnssec, case=case)

    return ask


def kdig(port: int, *words: str, case: Case) -> Told:
    done = run("kdig", f"@{HOST}", "-p", str(port), "+time=10", "+retry=0", *words,
               case.qname, case.rtype)  # fmt: skip
    said = done.stdout.decode()
    status, flags = _STATUS.search(said), _FLAGS.search(said)
    if status is None or flags is None:
        raise NotHad((said + done.stderr.decode()).strip().splitlines()[-1])
    _, _, answer = said.partition(";; ANSWER SECTION:")
    answer = answer.partition(";; AUTHORITY SECTION:")[0]
    found: dict[str, frozenset[str]] = {}
    for rtype, rdata in _RECORD.findall(answer):
        found[rtype] = found.get(rtype, frozenset()) | {rdata}
    return Told(status[1], found, "ad" in flags[1].split())


# --- openssl, by hand ----------------------------------------------------------------------------


def _openssl(it: Served, case: Case) -> Told:
    """RFC 7858 by hand: what is typed goes out, what comes is printed."""
    octets = query(case).to_wire()
    words = [
        "openssl", "s_client", "-quiet", "-connect", f"{HOST}:{it.ports[TLS]}", "-alpn", "dot",
        "-CAfile", str(it.authority), "-verify_return_error", "-verify_hostname", NAME,
    ]  # fmt: skip
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise NotHad("it has no pipes")
        process.stdin.write(len(octets).to_bytes(2, "big") + octets)
        process.stdin.flush()
        length = process.stdout.read(2)
        reply = process.stdout.read(int.from_bytes(length, "big"))
        process.kill()
    return read(reply)


# --- curl ----------------------------------------------------------------------------------------


def _curl(*options: str) -> Callable[[Served, Case], Told]:
    def ask(it: Served, case: Case) -> Told:
        octets = query(case).to_wire()
        words = ["curl", "-sS", "--cacert", str(it.authority), "-H",
                 "accept: application/dns-message", *options]  # fmt: skip
        if "--get" in options:
            text = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
            words = [*(one for one in words if one != "--get"), f"{it.url}?dns={text}"]
        else:
            words += ["-H", "content-type: application/dns-message", "--data-binary", "@-", it.url]
        done = run(*words, octets=octets)
        if done.returncode:
            raise NotHad(done.stderr.decode().strip())
        return read(done.stdout)

    return ask


def _curl_doh(it: Served, case: Case) -> Told:
    """As its own resolver: it cannot reach what it finds, and says where it tried."""
    host = (PAGE if case is ANSWER else case.qname).rstrip(".")
    done = run("curl", "-sS", "-v", "--max-time", "10", "--cacert", str(it.authority),
               "--doh-url", it.url, f"http://{host}:9/")  # fmt: skip
    said = done.stderr.decode()
    if done.returncode == _NOT_RESOLVED:
        return Told("NXDOMAIN", {})
    if done.returncode == _NOT_CONNECTED and f"connect to {HOST}" in said:
        return Told("NOERROR", {"A": frozenset({ADDRESS})})
    raise NotHad(said.strip().splitlines()[-1])


_NOT_RESOLVED, _NOT_CONNECTED = 6, 7  # of its exit statuses


# --- stubby --------------------------------------------------------------------------------------


def _stubby(it: Served, case: Case) -> Told:
    """A forwarder to us, strict; asked over TCP, which is its client's business."""
    with _stubby_running(it) as port:
        dnssec = ["+dnssec"] if case.wants_dnssec else []
        return kdig(port, "+tcp", *dnssec, case=case)


@contextlib.contextmanager
def _stubby_running(it: Served) -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
    file = it.directory / "stubby.yml"
    file.write_text(
        "resolution_type: GETDNS_RESOLUTION_STUB\n"
        "dns_transport_list:\n  - GETDNS_TRANSPORT_TLS\n"
        "tls_authentication: GETDNS_AUTHENTICATION_REQUIRED\n"
        "tls_query_padding_blocksize: 128\nidle_timeout: 10000\n"
        f'tls_ca_file: "{it.authority}"\nlisten_addresses:\n  - {HOST}@{port}\n'
        f"upstream_recursive_servers:\n  - address_data: {HOST}\n    tls_port: {it.ports[TLS]}\n"
        f'    tls_auth_name: "{NAME}"\n'
    )
    with subprocess.Popen(
        ["stubby", "-C", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()


def await_port(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.1)
    raise NotHad(f"nobody listens on port {port}")


# --- those that bring load -----------------------------------------------------------------------


def _dnsperf(mode: str) -> Callable[[Served, Case], Told]:
    """Which tells rcodes only; it does not look at certificates."""

    def ask(it: Served, case: Case) -> Told:
        questions = it.directory / "questions"
        questions.write_text(f"{case.qname} {case.rtype}\n" * 100)
        transport = {"dot": TLS, "doh": HTTPS, "udp": UDP}[mode]
        words = ["dnsperf", "-s", HOST, "-p", str(it.ports[transport]), "-m", mode, "-n", "1",
                 "-d", str(questions)]  # fmt: skip
        if mode == "doh":
            words += ["-O", f"doh-uri={it.url}"]
        said = run(*words).stdout.decode()
        completed = re.search(r"Queries completed:\s+(\d+)", said)
        rcode = re.search(r"Response codes:\s+(\w+) 100 ", said)
        if completed is None or completed[1] != "100" or rcode is None:
            raise NotHad(" ".join(said.split())[-200:] or "nothing said")
        return Told(rcode[1], {case.rtype: _as_it_should_be(case)})

    return ask


def _h2load(it: Served, case: Case) -> Told:
    """Which tells status codes only: 10 streams on each of 3 connections."""
    message = it.directory / "message"
    message.write_bytes(query(case).to_wire())
    words = ["h2load", "-n", "300", "-c", "3", "-m", "10", "-d", str(message),
             "-H", "content-type: application/dns-message", it.url]  # fmt: skip
    said = run(*words).stdout.decode()
    if "status codes: 300 2xx" not in said:
        raise NotHad(" ".join(said.split())[-200:])
    return Told("NXDOMAIN" if case is DENIAL else "NOERROR", {case.rtype: _as_it_should_be(case)})


def _as_it_should_be(case: Case) -> frozenset[str]:
    return frozenset({ADDRESS}) if case is ANSWER else frozenset()


def clients() -> Sequence[Client]:
    """All of them, over each transport."""
    by_name = "+tls-ca={ca}", "+tls-hostname={name}"
    return (
        Client("kdig", UDP, _kdig(), "kdig"),
        Client("kdig, by name", TLS, _kdig(*by_name), "kdig"),
        Client("kdig, by pin", TLS, _kdig("+tls-pin={pin}"), "kdig"),
        Client("openssl s_client", TLS, _openssl, "openssl"),
        Client("stubby", TLS, _stubby, "stubby", NOT_LARGEST, STUBBY),
        Client("dnsperf", TLS, _dnsperf("dot"), "dnsperf", (ANSWER, DENIAL)),
        Client("kdig, POST", HTTPS, _kdig("+https", *by_name), "kdig"),
        Client("kdig, GET", HTTPS, _kdig("+https", "+https-get", *by_name), "kdig"),
        Client("curl, HTTP/2, POST", HTTPS, _curl("--http2"), "curl"),
        Client("curl, HTTP/2, GET", HTTPS, _curl("--http2", "--get"), "curl"),
        Client("curl, HTTP/1.1, POST", HTTPS, _curl("--http1.1"), "curl"),
        Client("curl, HTTP/1.1, GET", HTTPS, _curl("--http1.1", "--get"), "curl"),
        Client("curl --doh-url", HTTPS, _curl_doh, "curl", (ANSWER, DENIAL)),
        Client("h2load", HTTPS, _h2load, "h2load", (ANSWER, DENIAL)),
        Client("dnsperf", HTTPS, _dnsperf("doh"), "dnsperf", (ANSWER, DENIAL)),
    )
