"""Are there open files enough to listen and to ask at all? Looked at by `serve` and by `check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.daemon.bind import wishes_of
from resolver.errors import CannotStart
from resolver.limits import DESCRIPTORS_LEAST
from resolver.upstream.udp import descriptor_limit, raise_descriptor_limit

if TYPE_CHECKING:
    from resolver.config.schema import Config


def count_descriptors(config: Config) -> None:
    """Have as many open files as the system grants.

    Raises CannotStart if they are fewer than it takes to listen and to ask at all.
    """
    raise_descriptor_limit()
    needed = DESCRIPTORS_LEAST + sum(1 for _ in wishes_of(config))
    allowed = descriptor_limit()
    if allowed < needed:
        raise CannotStart(
            f"only {allowed} open files are allowed (LimitNOFILE=, ulimit -n); at least {needed} "
            "are needed, a few hundred to serve many"
        )
