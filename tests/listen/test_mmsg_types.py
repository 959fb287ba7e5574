"""The declarations of C, as cffi's compiler has them: what is written down is current."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cffi

from resolver.listen import mmsg_types

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_they_are_what_cffi_makes_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}
    stand_in = ModuleType("_cffi_backend")
    monkeypatch.setattr(stand_in, "FFI", lambda name, **rest: made.update(rest, name=name),
                        raising=False)  # fmt: skip
    compiler = cffi.FFI()
    compiler.cdef(mmsg_types.DECLARATIONS)
    compiler.set_source(mmsg_types.NAME, None)
    code = tmp_path / "made.py"
    compiler.emit_python_code(str(code))
    monkeypatch.setitem(sys.modules, "_cffi_backend", stand_in)
    exec(code.read_text(), {})  # noqa: S102  # what cffi wrote a moment ago
    assert made == {
        "name": mmsg_types.NAME,
        "_version": mmsg_types.VERSION,
        "_types": mmsg_types.TYPES,
        "_globals": mmsg_types.GLOBALS,
        "_struct_unions": mmsg_types.STRUCTS,
    }


def test_no_start_parses_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser alone is 40 ms of a processor."""
    monkeypatch.setitem(sys.modules, "cffi", None)
    monkeypatch.setitem(sys.modules, "pycparser", None)
    view = mmsg_types.view()
    assert view.sizeof("struct mmsghdr") == 64
    assert view.dlopen(None).recvmmsg
