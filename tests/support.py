"""What tests share: trio under virtual time, and trio under the real clock."""

from __future__ import annotations

import functools
import gc
import inspect
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from resolver import limits
from resolver.lab.virtual_time import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import ModuleType

    import pytest


def examples(count: int) -> int:
    """How many examples a property is tried with: *count*, or what `./test --long` has time for."""
    return count * 10 if os.environ.get("RESOLVER_LONG") else count


def trio_test(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test in virtual time, repeatably. Never with a real socket: the clock jumps."""

    @functools.wraps(test)
    def wrapper(*args: object, **kwargs: object) -> None:
        run(functools.partial(test, *args, **kwargs), seed=0)

    return wrapper


def trio_test_real(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test under the real clock: for what touches real sockets."""

    @functools.wraps(test)
    def wrapper(*args: object, **kwargs: object) -> None:
        trio.run(functools.partial(test, *args, **kwargs))

    return wrapper


def fields_of(kind: type) -> list[str]:
    """The names of what instances of *kind* hold, which has slots, or is compiled and has none."""
    return [
        name
        for name, one in vars(kind).items()
        if inspect.isdatadescriptor(one) and not isinstance(one, property)
    ]


@contextmanager
def only_collected() -> Iterator[list[object]]:
    """What the block leaves that only the garbage collector finds; filled as the block ends."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()


def set_limit(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, value: float) -> None:
    """Let *module* run with another limit, one that a test reaches soon.

    It must have been the table's: otherwise what the test shows is no proof of the table.
    """
    assert getattr(module, name) == getattr(limits, name), f"{name} is not the table's"
    monkeypatch.setattr(module, name, value)
