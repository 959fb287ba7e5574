"""Programs of the machine that are run: systemctl, useradd. One seam, which tests replace."""

from __future__ import annotations

import os
import subprocess
from typing import Final, NamedTuple, Protocol

from resolver.limits import SETUP_COMMAND_SECONDS

NOT_THERE: Final = 127
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ended(NamedTuple):
    """How a command ended: its status, what it wrote to stdout, and to stderr."""

    status: int
    out: str = ""
    err: str = ""

    @property
    def is_good(self) -> bool:
        return self.status == 0

    @property
    def reason(self) -> str:
        """Its last line, or its status."""
        lines = (self.err or self.out).strip().splitlines()
        return lines[-1] if lines else f"status {self.status}"


class Commands(Protocol):
    """Runs *words*; ends them after *timeout_s*. Never raises for what they do."""

    def __call__(
        self, words: tuple[str, ...], *, timeout_s: float = SETUP_COMMAND_SECONDS
    ) -> Ended: ...


def run(words: tuple[str, ...], *, timeout_s: float = SETUP_COMMAND_SECONDS) -> Ended:
    """As `Commands`, on this machine."""
    environment = os.environ | {"PATH": _PATH, "LC_ALL": "C", "SYSTEMD_PAGER": ""}
    try:
        done = subprocess.run(  # noqa: S603  # words of this program, no shell
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s,
            env=environment, text=True, errors="replace", check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return Ended(NOT_THERE, err=f"{words[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Ended(1, err=f"{words[0]} did not end within {timeout_s:.1f} s")
    except OSError as error:
        return Ended(1, err=f"{words[0]}: {error.strerror}")
    return Ended(done.returncode, done.stdout, done.stderr)
