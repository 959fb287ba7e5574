"""The control socket from the outside: find it, ask over it, and say why it cannot be had."""

from __future__ import annotations

import grp
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from resolver.cli.servers import DEFAULT_CONFIG
from resolver.config import load
from resolver.daemon.service_unit import UNIT
from resolver.errors import ConfigError, ResolverError
from resolver.limits import CONTROL_REPLY_OCTETS, CONTROL_WORK_SECONDS
from resolver.operate import door_socket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_CHUNK: Final = 65_536
_PATIENCE_S: Final = CONTROL_WORK_SECONDS + 5
_SYSTEMD: Final = Path("/run/systemd/system")


class NoDaemon(ResolverError):
    """It cannot be asked: where it was looked for, and what to do."""


class Refusal(ResolverError):
    """The daemon said no, in a sentence. *is_misuse*: it always will, to these words."""

    def __init__(self, sentence: str, *, is_misuse: bool = False) -> None:
        super().__init__(sentence)
        self.is_misuse = is_misuse


def path_of(given: str | None, config: str | None) -> Path:
    """Where the socket is: *given*, or as the configuration file *config* says, or as usual.

    Raises ConfigError.
    """
    if given is not None:
        return Path(given)
    if config is None and not Path(DEFAULT_CONFIG).is_file():
        return door_socket.usual_path()
    found, problems = load.read(config or DEFAULT_CONFIG)
    if problems:
        if config is None:
            return door_socket.usual_path()  # its owner will hear of it elsewhere
        raise problems[0]
    path = door_socket.path_of(found.control.socket, found.working_directory)
    if path is None:
        raise ConfigError("control.socket", "", f"a path: {config or DEFAULT_CONFIG} has none")
    return path


class Session:
    """One connection; a reply is waited for so many seconds. Raises NoDaemon."""

    def __init__(self, path: Path, patience_s: float = _PATIENCE_S) -> None:
        self._path = path
        self._patience_s = patience_s
        self._buffer = b""
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NoDaemon(why_not(path, error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, do: str, **given: object) -> dict[str, Any]:
        """The reply of a verb that has one. Raises Refusal, NoDaemon."""
        self._send(do, given)
        return self._reply()[1]

    def lines(self, do: str, *, streams: bool, **given: object) -> Iterator[bytes]:
        """The replies as they come, a line each. Raises Refusal, NoDaemon."""
        self._send(do, given)
        while True:
            line, reply = self._reply()
            if not reply.get("end"):
                yield line
            if not streams or reply.get("end"):
                return

    def stream(self, do: str, **given: object) -> Iterator[dict[str, Any]]:
        """The items of a verb that has many. Raises Refusal, NoDaemon."""
        for line in self.lines(do, streams=True, **given):
            yield msgspec.json.decode(line)

    def _send(self, do: str, given: dict[str, object]) -> None:
        self._number += 1
        request = {"id": self._number, "do": do, **given}
        try:
            self._socket.sendall(msgspec.json.encode(request) + b"\n")
        except OSError as error:
            raise self._lost(error) from None

    def _reply(self) -> tuple[bytes, dict[str, Any]]:
        while b"\n" not in self._buffer:
            try:
                chunk = self._socket.recv(_CHUNK)
            except OSError as error:
                raise self._lost(error) from None
            if not chunk or len(self._buffer) > CONTROL_REPLY_OCTETS:
                raise self._lost(None)
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            reply: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:
            raise NoDaemon(f"{self._path}: what listens there is no resolver of ours") from None
        if not reply.get("ok"):
            said = str(reply.get("error", "it was refused, without a reason"))
            raise Refusal(said, is_misuse=reply.get("misuse") is True)
        return line, reply

    def _lost(self, error: OSError | None) -> NoDaemon:
        if isinstance(error, TimeoutError):
            return NoDaemon(f"{self._path}: the daemon has not answered for {self._patience_s:g} s")
        return NoDaemon(f"{self._path}: the daemon closed the connection; it may be ending")


def why_not(path: Path, error: OSError) -> str:
    """Why nobody could be reached at *path*, and what to do about it."""
    if isinstance(error, FileNotFoundError):
        return f"no daemon has a control socket at {path}; {_unit()}"
    if isinstance(error, ConnectionRefusedError):
        return f"no daemon listens at {path} any more; {_unit()}"
    if isinstance(error, PermissionError):
        return f"you may not open {path}: root may{_group_of(path)}"
    return f"{path}: {error.strerror or error}"


def _group_of(path: Path) -> str:
    with suppress(OSError, KeyError):
        gid = path.stat().st_gid
        if gid:
            return f", and the members of group {grp.getgrgid(gid).gr_name}"
    return " (sudo)"


def _unit() -> str:
    """What the service manager knows of it, in a few words with the next step."""
    advice = "--socket or --config says where it is, if it runs"
    if not _SYSTEMD.is_dir():
        return advice
    with suppress(OSError, subprocess.SubprocessError):
        command = ["systemctl", "is-active", UNIT]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2)  # noqa: S603
        state = done.stdout.strip()
        if state == "active":
            return f"{UNIT} is active; {advice}"
        if state:
            return f"{UNIT} is {state}: systemctl start {UNIT} starts it"
    return advice
