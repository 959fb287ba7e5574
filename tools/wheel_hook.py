"""Hatchling's hook for wheels: with RESOLVER_COMPILE=1 the path of a query is compiled in it.

Without, which is the default, the wheel is pure Python, for every platform, and nothing here is
done: no compiler is asked for. PEP 425: a compiled one is tagged for one Python and platform.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType

COMPILE = "RESOLVER_COMPILE"


class CompiledWheel(BuildHookInterface[Any]):
    """Adds shared objects and their manifest to a wheel, and has it tagged for this platform."""

    def dependencies(self) -> list[str]:
        """What a build in an environment of its own installs first."""
        if not _is_wanted():
            return []
        return [*self._compiling().NEEDS, *self.metadata.core.dependencies]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not _is_wanted() or version == "editable":
            return
        root = Path(self.root)
        made = self._compiling().build(root / "build" / "compiled", root=root)
        build_data["force_include"].update({str(path): place for place, path in made.items()})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _compiling(self) -> ModuleType:
        """`tools.compile` of the tree that is built, which is on nobody's path."""
        if self.root not in sys.path:
            sys.path.insert(0, self.root)
        return importlib.import_module("tools.compile")


def _is_wanted() -> bool:
    return os.environ.get(COMPILE, "") not in ("", "0")
