"""What is wrong with one value of a configuration."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """*key* in dotted form; *expected* continues the sentence "expected …"."""

    key: str
    value: object
    expected: str
