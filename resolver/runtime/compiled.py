"""Which build runs: the path of a query compiled by mypyc, or all of it as Python.

A wheel for one platform has what is compiled beside its source, and the interpreter finds that
first; the wheel for all has sources alone. `compiled.json` says of each compiled module which
source it was made from, so that a tree with one changed since, or one missing, is found out: half
of the path one way and half another would be two programs. RESOLVER_PURE in the environment has
everything as Python (`resolver/__init__.py`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.errors import CannotStart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PURE = "RESOLVER_PURE"
MANIFEST = "compiled.json"  # in the package; not there: nothing is compiled
_PACKAGE = Path(__file__).resolve().parents[1]


class MixedBuild(CannotStart):
    """What is compiled is not what was to be, or not of these sources."""


class SourcesOnly:
    """Finds the package's modules as sources, whatever lies beside them. For `sys.meta_path`."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for everybody else's."""
        if not name.startswith("resolver.") or path is None:
            return None
        for folder in path:
            found = _finder(folder).find_spec(name, target)
            if found is not None:
                return found
        return None


@cache
def _finder(folder: str) -> FileFinder:
    return FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))


def manifest(package: Path = _PACKAGE) -> dict[str, str]:
    """SHA-256 of the source of each compiled module, by its name; empty where none is.

    Raises MixedBuild where that cannot be read.
    """
    try:
        named = json.loads((package / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise MixedBuild(f"{package / MANIFEST}: {error}") from None
    return {str(name): str(digest) for name, digest in named.items()}


def digest(source: bytes) -> str:
    """What `manifest` has of a source."""
    return hashlib.sha256(source).hexdigest()


def checked() -> int:
    """How many modules of the package are compiled; 0 where all is Python.

    Raises MixedBuild where one that is loaded was built and is not what runs, or the other way
    round, or where a source is not the one that was compiled. Reads all of these, which takes 3 ms,
    where something is compiled.
    """
    wanted = manifest()
    loaded = {name for name in sys.modules if name.startswith("resolver.")}
    binary = {name for name in loaded if _is_binary(sys.modules[name])}
    if not binary and (not wanted or SourcesOnly in sys.meta_path):
        return 0
    wrong = (binary ^ (loaded & wanted.keys())) | {
        name for name in wanted if _is_other(name, wanted)
    }
    if wrong:
        raise MixedBuild(
            f"{min(wrong)} is not what was compiled ({len(wrong)} of {len(wanted)} modules): "
            f"install the package anew, or set {PURE}=1 in the environment to do without"
        )
    return len(wanted)


def _is_binary(module: ModuleType) -> bool:
    return str(getattr(module, "__file__", "")).endswith(tuple(EXTENSION_SUFFIXES))


def _is_other(name: str, wanted: dict[str, str]) -> bool:
    """Is its source not the one that was compiled?"""
    path = _PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
    try:
        return digest(path.read_bytes()) != wanted[name]
    except OSError:
        return True
