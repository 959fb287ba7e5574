"""The state directory: whole files, failures that are told once, and nobody loses it with root."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resolver.config.schema import Config, Dnssec, Root
from resolver.daemon.state import KEPT, ROOT_ZONE, StateDirectory, read_anchors, read_hints
from resolver.errors import ConfigError
from resolver.limits import STATE_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "last-run"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    directory = StateDirectory(str(tmp_path))
    directory.open()
    yield directory
    directory.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_what_is_written_is_read_and_nothing_else_stays(
    state: StateDirectory, tmp_path: Path
) -> None:
    assert state.read(NAME) is None
    assert state.write(NAME, b"old")
    assert state.write(NAME, b"new")
    assert state.read(NAME) == b"new"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_what_is_set_aside_is_among_what_goes_to_disk(
    state: StateDirectory, tmp_path: Path
) -> None:
    assert state.write(ROOT_ZONE, b"damaged")
    aside = state.set_aside(ROOT_ZONE)
    assert [path.name for path in tmp_path.iterdir()] == [aside]
    assert aside in KEPT


@pytest.mark.reaches("STATE_OCTETS")
def test_of_a_file_that_has_grown_only_the_beginning_is_read(
    state: StateDirectory, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(bytes(3 * STATE_OCTETS))
    assert state.read(NAME) == bytes(STATE_OCTETS)


def test_without_a_directory_nothing_is_kept() -> None:
    nothing = StateDirectory()
    nothing.open()
    assert not nothing.write(NAME, b"x")
    assert nothing.read(NAME) is None


def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"working_directory: .* is not there; expected"):
        StateDirectory(str(tmp_path / "gone")).open()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"working_directory: .*Not a directory"):
        StateDirectory(str(tmp_path / "file")).open()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_is_told_once_and_so_is_its_end(
    state: StateDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    """The old state stays whole."""
    assert state.write(NAME, b"old")

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        assert not state.write(NAME, b"new")
        assert not state.write(NAME, b"newer")
    assert state.read(NAME) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert state.write(NAME, b"newest")
    assert told(caplog) == [
        f"working_directory {tmp_path}: {NAME} is not kept: {os.strerror(number)}",
        f"working_directory {tmp_path}: {NAME} is kept again",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_really_full_file_system(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    state = StateDirectory(str(tmp_path))
    try:
        state.open()
        assert state.write(NAME, b"old")
        assert not state.write(NAME, bytes(100_000))
        assert state.read(NAME) == b"old"
        assert state.write(NAME, b"new")
    finally:
        state.close()
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert told(caplog)[0].endswith(f"{NAME} is not kept: No space left on device")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give up")
def test_it_outlives_the_loss_of_root_where_its_path_does_not(tmp_path: Path) -> None:
    """It may lie below a directory that only root can enter."""
    closed, inside = tmp_path / "closed", tmp_path / "closed" / "state"
    inside.mkdir(parents=True)
    os.chown(inside, 65534, 65534)
    closed.chmod(0o700)
    program = f"""
import os
from resolver.daemon.state import StateDirectory
state = StateDirectory({str(inside)!r})
state.open()
os.setgroups([]), os.setgid(65534), os.setuid(65534)
state.complain()
assert state.write({NAME!r}, b"kept"), "not written"
assert state.read({NAME!r}) == b"kept"
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (inside / NAME).read_bytes() == b"kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give up")
def test_a_directory_that_is_not_ours_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    program = f"""
import os
from resolver.daemon.state import StateDirectory
state = StateDirectory({str(tmp_path)!r})
state.open()
os.setgroups([]), os.setgid(65534), os.setuid(65534)
state.complain()
assert not state.write({NAME!r}, b"x")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"working_directory {tmp_path} cannot be written by nobody: no state is kept over a restart"
    ]


def test_files_that_the_configuration_names_begin_there(tmp_path: Path) -> None:
    """Wherever the process was started."""
    (tmp_path / "my.hints").write_text(". NS a.test.\na.test. A 192.0.2.1\n")
    (tmp_path / "my.anchors").write_text(". DS 1 13 2 " + "ab" * 32 + "\n")
    config = Config(
        working_directory=str(tmp_path),
        root=Root(hints_file="my.hints"),
        dnssec=Dnssec(trust_anchors_file="my.anchors", builtin_root_anchor=False),
    )
    assert [host for _, host in read_hints(config)] == ["192.0.2.1"]
    assert len(read_anchors(config).by_name) == 1


def test_only_what_is_listed_goes_to_disk(tmp_path: Path) -> None:
    state = StateDirectory(str(tmp_path))
    state.open()
    with pytest.raises(ValueError, match="passwords"):
        state.write("passwords", b"x")
    assert state.write("anchor-root.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["anchor-root.json"]
    state.close()
