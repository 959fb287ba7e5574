"""What some transports need beside what is always there, and what to type where it is missing."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Final

_NEEDS: Final = {"https": ("h2",), "quic": ("aioquic",)}


def extra_missing(scheme: str) -> str:
    """What has to be installed for URLs of *scheme*; "" if nothing is missing."""
    missing = [name for name in _NEEDS.get(scheme, ()) if not _is_there(name)]
    if not missing:
        return ""
    return f'{", ".join(missing)}, which is not installed: pip install "resolver[{scheme}]"'


@cache
def _is_there(name: str) -> bool:
    return find_spec(name) is not None
