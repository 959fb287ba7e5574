"""`check` by those who may not do all that the daemon may: what cannot be known is said."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.cli import check
from resolver.daemon import service_unit
from resolver.limits import LIST_OCTETS
from tests.cli.test_check import PORT, _write_p521, run
from tests.cli.test_serve import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


# --- what may not be looked at, and what systemd brings -----------------------------------------


def test_check_tells_that_no_state_can_be_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.cli.verify._may_write", lambda *_: False)
    path = tmp_path / "resolver.toml"
    path.write_text(f"{PORT}working_directory = '{tmp_path}'\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"note: working_directory {tmp_path} cannot be written by" in out


@pytest.mark.parametrize(
    ("begins", "days", "said"),
    [
        (2020, 31, "it expired on 2020-02-01; clients that verify refuse it"),
        (2090, 9, "it is not valid before 2090-01-01; clients that verify refuse it"),
        (2020, 9999 * 3, ""),
    ],
)
def test_check_tells_of_a_certificate_that_clients_will_refuse(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begins: int, days: int, said: str
) -> None:
    """It is served all the same: plain DNS must go on."""
    path, pem = tmp_path / "resolver.toml", tmp_path / "both.pem"
    _write_p521(pem, begins=begins, days=days)
    path.write_text(
        f"server.listen = ['tls://127.0.0.1:{free_port()}']\ntls.certificate = '{pem}'\n"
    )
    status, out, _ = run(capsys, "check", str(path))
    assert (status, "note: tls.certificate" in out) == (0, bool(said))
    assert said in out


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up")
def test_files_that_the_account_may_not_read_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Root can read them now, and looks like a good witness."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name, mode in (("open", 0o644), ("closed", 0o600), ("hosts", 0o600)):
            (folder / name).write_text("192.0.2.1 a.example\n")
            (folder / name).chmod(mode)
        path = folder / "resolver.toml"
        path.write_text(
            f"{PORT}server.user = 'nobody'\nlocal.hosts_files = ['{folder}/hosts']\n"
            f"block = [{{source = '{folder}/open'}}, {{source = '{folder}/closed'}}]\n"
        )
        _, out, _ = run(capsys, "check", str(path))
        told = [line for line in out.splitlines() if "cannot be read by" in line]
        assert told == [
            f"note: {folder}/{name} cannot be read by nobody, who the daemon becomes"
            for name in ("closed", "hosts")
        ]
        folder.chmod(0o700)
        _, out, _ = run(capsys, "check", str(path))
        assert out.count("cannot be read by nobody") == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up")
def test_that_lists_have_nobody_to_compile_them_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter in root's home, as pipx and its like put it: nothing is blocked then."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "list").write_text("a.example\n")
        python, path = folder / "home" / "python", folder / "resolver.toml"
        python.parent.mkdir(0o700)
        shutil.copy(sys.executable, python)
        monkeypatch.setattr(sys, "executable", str(python))
        for text, so_often in ((f"block = [{{source = '{folder}/list'}}]\n", 1), ("", 0)):
            path.write_text(f"{PORT}server.user = 'nobody'\n{text}")
            _, out, _ = run(capsys, "check", str(path))
            said = f"note: {python.resolve()} cannot be run by nobody, who the daemon becomes: "
            assert out.count(said) == so_often, out


def test_a_list_that_is_too_large_is_told_and_not_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As the daemon has it; `check` read on for a quarter of a minute and found nothing."""
    large, path = tmp_path / "large", tmp_path / "resolver.toml"
    large.touch()
    os.truncate(large, LIST_OCTETS + 1)
    path.write_text(f"{PORT}block = [{{source = '{large}'}}]\n")
    _, out, _ = run(capsys, "check", str(path))
    assert f"note: list large: {large} is no list, so nothing of it counts: it has more than" in out


def test_what_systemd_makes_for_the_service_need_not_be_there_yet(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note; but an error to who starts it without systemd, or has no such service file."""
    monkeypatch.setattr(service_unit, "_ROOTS", {"StateDirectory": str(tmp_path)})
    monkeypatch.setattr(service_unit, "_FOLDERS", (str(tmp_path),))
    state, path, unit = tmp_path / "state", tmp_path / "a.toml", tmp_path / "resolver.service"
    path.write_text(
        f"working_directory = '{state}'\nlog.destination = 'log'\nserver.user = 'nobody-here'\n"
        + PORT
    )
    status, _, err = run(capsys, "check", str(path))
    assert status == 2
    assert f"line 1: working_directory: '{state}' is not there" in err
    unit.write_text("[Service]\nDynamicUser=yes\nUser=nobody-here\nStateDirectory=state\n")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert out.splitlines()[-1] == f"{path}: ok"
    assert f"note: working_directory {state} is made by systemd, as the service file says\n" in out
    status, _, err = run(capsys, "serve", "--config", str(path))
    assert status == 2
    assert f"working_directory: '{state}' is not there" in err
    state.mkdir()
    status, out, _ = run(capsys, "check", str(path))
    assert (status, "note: working_directory" in out) == (0, False)


def as_nobody(path: Path) -> tuple[int, list[str], list[str]]:
    """Status, and lines on stdout and stderr, of `check` by somebody who is not root."""
    options = argparse.Namespace(file=str(path))
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # the modules are loaded: the other user may not read them
        os.setgroups([])
        os.setuid(65_534)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
            status = check.run(options)
        os.write(write, "\0".join((str(status), out.getvalue(), err.getvalue())).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        said = file.read().decode().split("\0")
    assert os.waitpid(pid, 0)[1] == 0
    return int(said[0]), said[1].splitlines(), said[2].splitlines()


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody may enter, with one in it that only root may."""
    place = Path(tempfile.mkdtemp())
    (place / "private" / "directory").mkdir(parents=True)
    (place / "private" / "file").write_text("")
    (place / "private").chmod(0o700)
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to ask as somebody else")


@root
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("root.hints_file", "PRIVATE/file"),
        ("dnssec.trust_anchors_file", "PRIVATE/file"),
        ("log.destination", "PRIVATE/file"),
        ("working_directory", "PRIVATE/directory"),
    ],
)
def test_what_only_root_may_look_at_is_said_and_not_refused(
    public: Path, key: str, value: str
) -> None:
    """The service starts as root: a user's look at its file must not call that a mistake."""
    value, path = value.replace("PRIVATE", str(public / "private")), public / "resolver.toml"
    path.write_text(f"{PORT}{key} = '{value}'\n")
    status, out, err = as_nobody(path)
    assert (status, err) == (0, [])
    assert out[-1] == f"{path}: ok, as far as you may look; only root can tell of {key} {value}"


@root
def test_a_port_that_only_root_may_bind_is_said_and_not_refused(public: Path) -> None:
    path = public / "resolver.toml"
    path.write_text("server.listen = ['127.0.0.1:99']\nserver.workers = 2\n")
    status, out, err = as_nobody(path)
    assert (status, err) == (0, [])
    assert out[-1].endswith("; only root can tell of server.listen 127.0.0.1:99")


@root
def test_what_is_wrong_is_refused_to_everybody(public: Path) -> None:
    path = public / "resolver.toml"
    path.write_text("server.listen = ['127.0.0.1:99']\nroot.hints_file = '/no/where'\n")
    status, out, err = as_nobody(path)
    wanted = "expected the path of a file that exists"
    assert (status, out) == (2, [])
    assert err == [
        f"{path} line 2: root.hints_file: '/no/where' is not there; {wanted}",
        f"{path}: 1 problem",
    ]


# --- names and views of one's own ---------------------------------------------------------------


def test_each_view_s_path_is_shown_and_what_of_a_hosts_file_does_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.0.0.1 nas\n10.0.0 box\n")
    file = tmp_path / "resolver.toml"
    file.write_text(
        f"{PORT}[local]\nhosts_files = ['{hosts}']\nprivate_reverse = '192.168.1.1'\n"
        "[[view]]\nname = 'guests'\nclients = ['127.0.0.9']\nanswer = 'refuse'\n"
    )
    status, out, _ = run(capsys, "check", str(file))
    assert status == 0
    assert "default: access list, query rules, class CHAOS, designated resolver, local rec" in out
    assert "\n               guests: refused, query rules, " in out
    assert " zones: names of private addresses, to 192.168.1.1\n" in out
    assert f"note: {hosts}: 1 line does not count: line 2: '10.0.0 box', expected an add" in out


def test_a_list_that_is_gone_does_not_keep_the_others_from_being_tested(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a daemon: whoever asks has trouble already."""
    (tmp_path / "there").write_text("a.example\n")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "resolver.toml"
    path.write_text(
        f"{PORT}control.socket = '{tmp_path}/none'\n"
        f"block = [{{source = '{tmp_path}/gone'}}, {{source = '{tmp_path}/folder'}},"
        f" {{source = '{tmp_path}/there'}}]\n"
    )
    status, out, err = run(capsys, "block", "test", "a.example", "--config", str(path))
    assert (status, "list there line 1: a.example" in out) == (0, True), err
    assert f"list gone: {tmp_path}/gone cannot be read" in err
