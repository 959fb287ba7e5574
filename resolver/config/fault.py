"""What is wrong with one value of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.errors import ConfigError, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Fault(NamedTuple):
    """*key* in dotted form; *expected* continues the sentence "expected …"."""

    key: str
    value: object
    expected: str
    kind: Kind = Kind.VALUE

    def as_error(self) -> ConfigError:
        return ConfigError(self.key, self.value, self.expected, kind=self.kind)


def each(key: str, texts: Sequence[str], read: Callable[[str], object]) -> Iterator[Fault]:
    """One for each of *texts* that *read* refuses."""
    for text in texts:
        try:
            read(text)
        except ValueError as error:
            yield Fault(key, text, str(error))
