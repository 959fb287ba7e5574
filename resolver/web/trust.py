"""Who has shown the token: asked of the daemon, which alone has it, and remembered for a moment.

What is remembered is a digest. Tokens that are not known are asked about one after the other,
WEB_PROOF_SECONDS apart: whoever tries many costs the daemon nothing that shows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import trio

from resolver.limits import WEB_PROOF_SECONDS, WEB_TOKEN_OCTETS, WEB_TOKEN_SECONDS
from resolver.web.asking import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from resolver.web.asking import Daemon

_PROOF: Final = "stale"  # a verb that takes the right to act, and without a word changes nothing
_BEARER: Final = "bearer "


class Trust:
    """Asks *daemon*."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._proven: dict[bytes, float] = {}
        self._one_at_a_time = trio.Lock()
        self._asked_at = -WEB_PROOF_SECONDS

    def __repr__(self) -> str:
        return f"<Trust, {len(self._proven)} proven>"

    async def has(self, token: str) -> bool:
        """Is it the right one? Raises Away."""
        if not token or len(token) > WEB_TOKEN_OCTETS:
            return False
        digest, now = hashlib.sha256(token.encode("utf-8", "replace")).digest(), trio.current_time()
        self._proven = {key: until for key, until in self._proven.items() if until > now}
        if digest in self._proven:
            return True
        async with self._one_at_a_time:
            if digest in self._proven:  # by now
                return True
            await trio.sleep_until(self._asked_at + WEB_PROOF_SECONDS)
            self._asked_at = trio.current_time()
            try:
                await self._daemon.ask(_PROOF, token=token)
            except Refusal:
                return False
            self._proven[digest] = trio.current_time() + WEB_TOKEN_SECONDS
        return True


def token_of(request: Request) -> str:
    """What the request shows in its head; "" for nothing."""
    shown = request.headers.get("authorization", "")
    return shown[len(_BEARER) :].strip() if shown.lower().startswith(_BEARER) else ""
