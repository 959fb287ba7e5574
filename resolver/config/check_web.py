"""What no type can say of `[web]`: its address, what it needs, and that it is safe there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config import endpoints
from resolver.config.extras import extra_missing
from resolver.config.fault import Fault
from resolver.config.holes import as_far_as_known
from resolver.config.web_listen import is_remote, web_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config


def whole_place(text: str) -> str:
    """*text*, a value of `web.listen`, with its port; as it is where it is no address."""
    try:
        return endpoints.show(web_place(text)) if text else ""
    except ValueError:
        return text


def faults_of_page(config: Config) -> Iterator[Fault]:
    """All that is wrong with it."""
    text = config.web.listen
    if not text:
        return
    try:
        web_place(text)
    except ValueError as error:
        yield Fault("web.listen", text, str(error))
        return
    if missing := extra_missing("web"):
        yield Fault("web.listen", text, f'"", or {missing}')
    yield from _safe(config)


@as_far_as_known
def _safe(config: Config) -> Iterator[Fault]:
    text = config.web.listen
    if is_remote(config) and not config.tls.certificate and not config.working_directory:
        expected = (
            "an address of this machine alone, as 127.0.0.1:8053: elsewhere it takes TLS, and so "
            "tls.certificate, or a working_directory for one of our own"
        )
        yield Fault("web.listen", text, expected)
