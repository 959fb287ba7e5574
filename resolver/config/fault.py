"""What is wrong with one value of a configuration."""

from __future__ import annotations

from typing import NamedTuple

from resolver.errors import ConfigError, Kind


class Fault(NamedTuple):
    """*key* in dotted form; *expected* continues the sentence "expected …"."""

    key: str
    value: object
    expected: str
    kind: Kind = Kind.VALUE

    def as_error(self) -> ConfigError:
        return ConfigError(self.key, self.value, self.expected, kind=self.kind)
