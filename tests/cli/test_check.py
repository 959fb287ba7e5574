"""`check` means it: what `serve` would refuse, it refuses, in the same words, by file and line."""

from __future__ import annotations

import datetime as dt
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from resolver.cli.main import main
from resolver.limits import CONFIG_OCTETS
from tests.cli.test_serve import free_port, serving

if TYPE_CHECKING:
    from collections.abc import Callable


PORT = "server.listen = ['127.0.0.1:5399']\n"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def verdicts(path: Path, capsys: pytest.CaptureFixture[str], *, serves: int = 2) -> str:
    """What `check` and `serve` say of *path*: both refuse it, with the same lines.

    *serves*: the status of `serve`, which is 1 where trying again may help.
    """
    status, out, err = run(capsys, "check", str(path))
    assert (status, out) == (2, "")
    *problems, verdict = err.splitlines()
    assert verdict == f"{path}: {len(problems)} problem" + ("s" if len(problems) > 1 else "")
    status, _, err = run(capsys, "serve", "--config", str(path))
    assert status == serves
    told = [line for line in err.splitlines() if line.startswith("resolver: ")]
    assert told == [f"resolver: {problem}" for problem in problems]
    return "\n".join(problems)


# --- the table: each kind of refusal, the sentence, and the line where it stands ---------------

SAME = {
    "no TOML": ("[server\n", "TOML line 1: '[server' is not TOML: "),
    "Unbound's form": (
        "server:\n  verbosity: 1\n",
        "it is in Unbound's form; docs/from-unbound.md",
    ),
    "an unknown key": (
        "\nserver.usr = 'x'",
        'TOML line 2: server.usr: no such key; did you mean "',
    ),
    "an unknown table": ("[sever]", 'line 1: sever: no such key; did you mean "server"?'),
    "a missing key": ("[[forward]]", "line 1: forward[0].zone: a value must be given: text in quo"),
    "another type": ("cache.min_ttl = 'x'", "'x' is text in quotes; expected a whole number from"),
    "out of range": ("server.workers = 0", "TOML line 1: server.workers: 0 is not allowed; expect"),
    "not in this version": (
        "server.minimal_responses = false",
        "server.minimal_responses: false is not in this version; expected true",
    ),
    "a contradiction": ("cache.min_ttl = 9\ncache.max_ttl = 1", "line 1: cache.min_ttl: 9 is not"),
    "twice the same": ("server.listen = ['127.0.0.1', '127.0.0.1:53']", "each address once"),
    "no such file": ("root.hints_file = 'X/none'", "'X/none' is not there; expected the path of"),
    "a directory for a file": ("root.hints_file = 'X'", "'X' is not allowed; expected the path"),
    "no such directory": ("working_directory = 'X/none'", "line 1: working_directory: 'X/none' is"),
    "hints that are none": ("root.hints_file = 'X/bad'", "line 1: root.hints_file: X/bad line 1: "),
    "anchors that are none": ("dnssec.trust_anchors_file = 'X/bad'", "a file of DS or DNSKEY rec"),
    "a CA that is none": (
        "[[forward]]\nzone = '.'\naddresses = ['tls://192.0.2.1']\nca_file = 'X/bad'",
        "line 4: forward.ca_file: 'X/bad' is not allowed; expected a file of certificates",
    ),
    "a certificate that is none": (
        "server.listen = ['tls://127.0.0.1:5398']\n\ntls.certificate = 'X/bad'",
        "line 3: tls.certificate: 'X/bad' is not allowed; expected a file of certificates",
    ),
    "a certificate that QUIC has no use for": (
        "server.listen = ['quic://127.0.0.1:5398']\ntls.certificate = 'X/p521.pem'",
        "line 2: tls.certificate: 'X/p521.pem' is not allowed; expected one with a key on P-256",
    ),
    "no such account": (
        "server.user = 'no-such-account'",
        "line 1: server.user: 'no-such-account'",
    ),
    "a log without a directory": ("log.destination = 'no/such/log'", "there is no directory"),
    "a log that is a directory": ("log.destination = '/'", "Is a directory"),
    "a forwarder that is ourselves": (
        "server.listen = ['127.0.0.1:99']\n[[forward]]\nzone = '.'\naddresses = ['127.0.0.1:99']",
        "line 4: forward[0].addresses: '127.0.0.1:99' is not allowed; expected another server",
    ),
    "a TLS forwarder that is ourselves": (
        (
            "[[forward]]\nzone = '.'\naddresses = [\n 'tls://9.9.9.9#a.b',\n 'tls://127.0.0.1#a.b']\n"
            "[server]\nlisten = ['tls://127.0.0.1']"
        ),
        "line 5: forward[0].addresses: 'tls://127.0.0.1#a.b' is not allowed",
    ),
    "a stub that is ourselves": (
        "stub = [{zone='corp', addresses=['127.0.0.7:99']}]\n[server]\nlisten = ['0.0.0.0:99']",
        "line 1: stub[0].addresses: '127.0.0.7:99' is not allowed",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a case's files lie, X in its text."""
    (tmp_path / "bad").write_text("hello\n")
    return tmp_path


@pytest.mark.parametrize("kind", SAME)
def test_check_and_serve_refuse_the_same(
    capsys: pytest.CaptureFixture[str], folder: Path, kind: str
) -> None:
    text, said = SAME[kind]
    if "p521" in text:
        pytest.importorskip("aioquic")
        _write_p521(folder / "p521.pem")
    path = folder / "resolver.toml"
    path.write_text(text.replace("X", str(folder)))
    found = verdicts(path, capsys).replace(str(path), "TOML").replace(str(folder), "X")
    assert said in found
    assert found.startswith("TOML")


def _write_p521(path: Path, *, begins: int = 2026, days: int = 9999) -> None:
    """A certificate that TLS can show, and QUIC's library cannot."""
    key = ec.generate_private_key(ec.SECP521R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dns.example")])
    begin = dt.datetime(begins, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (Path.exists, "is not there; expected a file to read"),
        (Path.mkdir, "expected a file to read (Is a directory)"),
        (lambda path: path.write_bytes(b"# caf\xe9\n"), "it is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_both(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write: Callable[[Path], object],
    said: str,
) -> None:
    path = tmp_path / "resolver.toml"
    write(path)
    assert said in verdicts(path, capsys)


@pytest.mark.reaches("CONFIG_OCTETS")
def test_a_file_without_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A device in the place of a file must not take all the memory."""
    assert CONFIG_OCTETS == 4_194_304
    assert "a file of at most 4194304 octets" in verdicts(Path("/dev/zero"), capsys)


def test_a_port_in_use_is_refused_by_both_and_who_has_it_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 for a service manager, which tries again: the port may be free then."""
    monkeypatch.setattr("resolver.daemon.bind.BIND_PATIENCE_SECONDS", 0.0)
    path = tmp_path / "resolver.toml"
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        path.write_text(f"\nserver.listen = ['127.0.0.1:{port}']")
        said = verdicts(path, capsys, serves=1)
    assert said.startswith(
        f"{path} line 2: server.listen: '127.0.0.1:{port}' is in use; "
        "expected an address that is free: another program listens there: "
    )
    assert f"process {os.getpid()}" in said


def test_a_daemon_of_ours_that_runs_is_no_reason_to_refuse_its_own_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    port = free_port()
    with serving(tmp_path, port):
        status, out, err = run(capsys, "check", str(tmp_path / "resolver.toml"))
    assert (status, err) == (0, "")
    assert f"note: a daemon of ours runs already, on 127.0.0.1:{port}\n" in out


def test_a_daemon_of_ours_elsewhere_does_not_excuse_a_port_that_another_program_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.cli.servers.daemon", lambda _: (("127.0.0.9", 53), []))
    path = tmp_path / "resolver.toml"
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        path.write_text(f"server.listen = ['127.0.0.1:{taken.getsockname()[1]}']")
        status, _, err = run(capsys, "check", str(path))
    assert status == 2
    assert "is in use; expected" in err


def test_one_busy_address_of_two_is_a_note(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The daemon would serve the other."""
    path = tmp_path / "resolver.toml"
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        path.write_text(f"server.listen = ['127.0.0.1:{port}', '127.0.0.1:{free_port()}']")
        status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"note: 127.0.0.1:{port}: another program listens there: " in out


def test_a_control_socket_that_cannot_be_is_a_note(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A daemon serves without, and warns."""
    path = tmp_path / "resolver.toml"
    listens = f"server.listen = ['127.0.0.1:{free_port()}']\n"
    path.write_text(f"{listens}control.socket = '{tmp_path}/gone/control'\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"note: no control socket: {tmp_path}/gone: there is no such directory" in out
    path.write_text(f"{listens}control.socket = '{tmp_path}/control'\n")
    assert "no control socket" not in run(capsys, "check", str(path))[1]
    assert not (tmp_path / "control").exists()


def test_what_check_binds_it_lets_go(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, port = tmp_path / "resolver.toml", free_port()
    path.write_text(f"server.listen = ['127.0.0.1:{port}']")
    assert run(capsys, "check", str(path))[0] == 0
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with closing(socket.socket(socket.AF_INET, kind)) as sock:
            sock.bind(("127.0.0.1", port))


def test_too_few_open_files_are_refused_by_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.daemon.descriptors.descriptor_limit", lambda: 8)
    monkeypatch.setattr("resolver.daemon.descriptors.raise_descriptor_limit", lambda: None)
    path = tmp_path / "resolver.toml"
    path.write_text(PORT)
    assert verdicts(path, capsys, serves=1).startswith("only 8 open files are allowed")


# --- the verdict -------------------------------------------------------------------------------


def test_check_tells_all_that_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("[server]\nlisten = ['x']\nallow_from = ['10.0.0.1/8']\n")
    status, out, err = run(capsys, "check", str(path))
    assert (status, out) == (2, "")
    assert f"{path} line 2: server.listen: 'x' is not allowed" in err
    assert 'the network\'s first address: "10.0.0.0/8"' in err
    assert err.endswith(f"{path}: 2 problems\n")


def test_check_sums_up_what_is_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(
        "[server]\nlisten = ['192.0.2.1:5399']\n[[forward]]\nzone = 'corp'\naddresses = ['::1']\n"
    )
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert "forward corp" in out
    assert "note: server.listen has addresses that others can reach" in out
    assert out.splitlines()[-1] == f"{path}: ok"
    assert out.count("\n") < 15


def test_a_file_that_says_nothing_takes_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.cli.verify.rehearsed", lambda *_: ([], []))
    path = tmp_path / "resolver.toml"
    path.write_text("# nothing yet\n")
    assert run(capsys, "check", str(path)) == (0, f"{path}: ok; all is as by default\n", "")


HEAD = "access list, query rules, class CHAOS"


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", f"{HEAD}, designated resolver, local zones | root key sentinel"),
        (
            "ddr.answer = false\nresolution.local_zones = false\ndnssec.root_key_sentinel = false",
            HEAD,
        ),
    ],
)
def test_check_shows_what_policy_does_in_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, steps: str
) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(PORT + text)
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"  policy       {steps}\n" in out


def test_bad_lines_of_lists_and_policy_zones_are_shown_with_file_and_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """They stop nobody: a daemon goes on without them."""
    good = "".join(f"host{number}.example\n" for number in range(30))
    (tmp_path / "list").write_text(f"{good}/(a+)+/\nhello world\n")
    (tmp_path / "html").write_text("<!doctype html><html>\n")
    (tmp_path / "zone").write_text(good.replace("\n", " CNAME .\n") + "x CNAME\n")
    path = tmp_path / "resolver.toml"
    blocks = "".join(f"[[block]]\nsource = '{tmp_path}/{one}'\n" for one in ("list", "html"))
    zones = "".join(
        f"[[rpz]]\nzone = '{one}'\nfile = '{tmp_path}/{one}'\n" for one in ("zone", "html")
    )
    path.write_text(f"{PORT}{blocks}{zones}")
    status, out, _ = run(capsys, "check", str(path))
    notes = [line for line in out.splitlines() if line.startswith(("note: list", "note: rpz"))]
    assert status == 0
    assert "\n".join(notes) == (
        f"note: list list: 2 lines say nothing: {tmp_path}/list:31: a regular expression with"
        f" repetitions in repetitions: /(a+)+/; {tmp_path}/list:32: no domain name: hello world\n"
        f"note: list html: {tmp_path}/html is no list, so nothing of it counts: it is HTML or JSON,"
        " and no list\n"
        f"note: rpz zone: 1 record says nothing: {tmp_path}/zone, line 31: a CNAME has one target\n"
        f"note: rpz html: {tmp_path}/html is no policy zone, so nothing of it counts: 1 of 1"
        " records say nothing; line 1: HTML><HTML> is no type of record"
    )
