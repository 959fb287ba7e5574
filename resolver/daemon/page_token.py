"""The token of the page: read where it is kept, or made there at the first start.

In a file of its own (`web.token_file`), or as `web-token` in `working_directory`, for its owner
only. Where there is neither it lives as long as the process.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from resolver.config.files import working_path
from resolver.daemon.state import WEB_TOKEN
from resolver.errors import ConfigError, unusable_file
from resolver.limits import WEB_TOKEN_OCTETS

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.daemon.state import StateDirectory

_log = logging.getLogger(__name__)
_KEY: Final = "web.token_file"
_LEAST: Final = 16  # characters of one that somebody chose
_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077


class Token:
    """*text* is the token, *where* the file that it is read from; "" for none."""

    def __init__(self, state: StateDirectory) -> None:
        self.text = ""
        self.where = ""
        self._state = state

    def __repr__(self) -> str:
        return f"<Token {'of ' + self.where if self.where else 'of this run'}>"

    def open(self, config: Config, owner: tuple[int, int] | None) -> None:
        """Have the one that *config* wants; made for *owner* where there is none. Raises
        ConfigError for a file that cannot be read, or that holds no token."""
        if config.web.token_file:
            path = working_path(config, config.web.token_file)
            self.text, self.where = _of_file(config, path, owner), str(path)
            return
        kept = self._kept(config)
        text = kept or self.text or secrets.token_urlsafe(32)
        is_kept = bool(kept) or self._state.write(
            WEB_TOKEN, text.encode() + b"\n", mode=_PRIVATE, owner=owner
        )
        where = str(working_path(config, WEB_TOKEN)) if is_kept else ""
        self.text, self.where = text, where

    def _kept(self, config: Config) -> str:
        try:
            octets = self._state.read(WEB_TOKEN, WEB_TOKEN_OCTETS + 1)
        except OSError as error:
            _log.warning("working_directory: %s: %s", WEB_TOKEN, error.strerror)
            return ""
        if octets is None:
            return ""
        return token_untrusted(octets, str(working_path(config, WEB_TOKEN)))


def _of_file(config: Config, path: Path, owner: tuple[int, int] | None) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(WEB_TOKEN_OCTETS + 1)
    except FileNotFoundError:
        return _made(config, path, owner)
    except OSError as error:
        raise unusable_file(_KEY, config.web.token_file, "a file to read", error) from None
    if stat.S_IMODE(mode) & _OTHERS:
        _log.warning("%s %s: others may read it: chmod 600", _KEY, path)
    return token_untrusted(octets, config.web.token_file)


def _made(config: Config, path: Path, owner: tuple[int, int] | None) -> str:
    text = secrets.token_urlsafe(32)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fresh = os.open(path, flags, _PRIVATE)
        try:
            os.write(fresh, text.encode() + b"\n")
            if owner is not None:
                os.fchown(fresh, *owner)
        finally:
            os.close(fresh)
    except OSError as error:
        wanted = "a file to read, or one that can be made"
        raise unusable_file(_KEY, config.web.token_file, wanted, error) from None
    return text


def token_untrusted(octets: bytes, where: str) -> str:
    """The token that a file holds. Raises ConfigError where that is none."""
    text = octets.strip().decode("ascii", "replace")
    is_right = _LEAST <= len(text) <= WEB_TOKEN_OCTETS and text.isprintable() and " " not in text
    if not is_right or "\ufffd" in text or len(octets) > WEB_TOKEN_OCTETS:
        expected = f"one word of {_LEAST} to {WEB_TOKEN_OCTETS - 1} characters of ASCII in it"
        raise ConfigError(_KEY, where, expected)
    return text
