"""The body of a request from a form: bounded in octets, fields and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import trio

from resolver.errors import WireError
from resolver.limits import WEB_BODY_OCTETS, WEB_IDLE_SECONDS

if TYPE_CHECKING:
    from starlette.requests import Request

_FIELDS: Final = 8
_KIND: Final = "application/x-www-form-urlencoded"


async def form_untrusted(request: Request) -> dict[str, str]:
    """Its fields, the last of a name. Raises WireError."""
    kind = request.headers.get("content-type", _KIND).partition(";")[0].strip().lower()
    if kind != _KIND:
        raise WireError(f"a form, {_KIND}")
    octets = b""
    with trio.move_on_after(WEB_IDLE_SECONDS) as patience:
        async for chunk in request.stream():
            octets += chunk
            if len(octets) > WEB_BODY_OCTETS:
                raise WireError(f"at most {WEB_BODY_OCTETS} octets")
    if patience.cancelled_caught:
        raise WireError("it did not come")
    try:
        text = octets.decode("ascii")
        return dict(
            parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise WireError(f"no form: {error}") from None
