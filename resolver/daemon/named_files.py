"""What the files hold that a configuration names: trust anchors, root hints, certificates.

Read apart from the wiring, for that takes milliseconds: a reload has a thread do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.daemon.encryption import encryption_of
from resolver.daemon.state import read_anchors, read_hints

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name
    from resolver.runtime.clock import Clock
    from resolver.upstream.encrypted import Encryption


class Files(NamedTuple):
    """*anchors*: None where nothing is validated."""

    anchors: Anchors | None
    named_roots: list[tuple[Name, str]]
    encryption: Encryption


def read_files(config: Config, clock: Clock) -> Files:
    """Raises ConfigError where one is no good."""
    anchors = read_anchors(config) if config.dnssec.validate else None
    return Files(anchors, read_hints(config), encryption_of(config, clock))
