"""The files that a configuration names, read and understood: for the daemon, and for `check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config import hints
from resolver.config.check import working_path
from resolver.dnssec.anchor_check import unusable
from resolver.dnssec.anchors import Anchors, builtin_root, parse_text
from resolver.dnssec.keys import Sha1Policy
from resolver.errors import ConfigError
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.model import Name


def read_hints(config: Config) -> list[tuple[Name, str]]:
    """The root servers of the hints file. Raises ConfigError."""
    path = config.root.hints_file
    return hints.load(working_path(config, path) if path else None)


def read_anchors(config: Config) -> Anchors:
    """Built-in, file and negative anchors. Raises ConfigError."""
    found = builtin_root() if config.dnssec.builtin_root_anchor else Anchors()
    path = config.dnssec.trust_anchors_file
    if path:
        try:
            found.add(parse_text(working_path(config, path).read_text("utf-8-sig")))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            expected = f"a file of DS or DNSKEY records ({reason})"
            raise ConfigError("dnssec.trust_anchors_file", path, expected) from error
    for useless in unusable(found, Sha1Policy.of(validates=config.dnssec.sha1)):
        if useless.is_broken and config.dnssec.validate:
            expected = f"a file of DS or DNSKEY records ({useless.sentence})"
            raise ConfigError("dnssec.trust_anchors_file", path, expected)
    for negative in config.dnssec.negative_trust_anchors:
        if isinstance(negative, str):
            found.add_negative(names.from_text(negative), float("inf"))
        else:
            until = negative.until.timestamp() if negative.until else float("inf")
            found.add_negative(names.from_text(negative.name), until)
    return found


def useless_anchors(config: Config, anchors: Anchors) -> Iterator[str]:
    """What of *anchors* validates nothing, though it was configured; a sentence each.

    No reason not to start: zones may go on to algorithms that this version does not know, and
    their names must resolve. But nobody should take them for validated.
    """
    if not config.dnssec.validate:
        return
    if not anchors.by_name:
        path = config.dnssec.trust_anchors_file
        where = f"dnssec.trust_anchors_file {path} has" if path else "dnssec has"
        yield f"{where} no trust anchor: nothing will be validated"
    for found in unusable(anchors, Sha1Policy.of(validates=config.dnssec.sha1)):
        yield f"{found.sentence}: nothing below will be validated"


def validates(config: Config, anchors: Anchors) -> bool:
    """True if some anchor can be used."""
    useless = sum(1 for _ in useless_anchors(config, anchors)) if anchors.by_name else 0
    return config.dnssec.validate and len(anchors.by_name) > useless
