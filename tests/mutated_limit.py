"""A pytest plugin: the program runs with one limit changed, the tests see all as they are.

Loaded by `tests.limit_mutants`, RESOLVER_MUTATED_LIMIT being "NAME=VALUE". The package is loaded
with the changed value first; then the tables are put back as they were, for the tests to import.
What the program takes from a table while a function runs is not changed: it must take it at import.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

import resolver

_VARIABLE = "RESOLVER_MUTATED_LIMIT"
_TABLES = "resolver.limits"


def _tables() -> dict[str, object]:
    return {
        name: module
        for name, module in sys.modules.items()
        if name == _TABLES or name.startswith(f"{_TABLES}.")
    }


def _forget_tables() -> None:
    for name in _tables():
        del sys.modules[name]


def _change(name: str, value: float) -> None:
    for module in _tables().values():
        if hasattr(module, name):
            setattr(module, name, value)


def load(name: str, value: float) -> None:
    """Load the package with *name* changed, then put the tables back for everybody else."""
    importlib.import_module(_TABLES)
    _change(name, value)
    for found in pkgutil.walk_packages(resolver.__path__, "resolver."):
        if not found.name.endswith("__main__") and not found.name.startswith(_TABLES):
            importlib.import_module(found.name)
    _forget_tables()
    resolver.limits = importlib.import_module(_TABLES)


def _number(text: str) -> float:
    return float(text) if "." in text or "e" in text else int(text)


if _VARIABLE in os.environ:
    _name, _, _text = os.environ[_VARIABLE].partition("=")
    load(_name, _number(_text))
