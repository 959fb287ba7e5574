"""Our sources as mypyc takes them: the same program, in its words. Text to text, no I/O.

mypyc 2.4 differs from the interpreter in three things that sources may say, so each is said in
another way in the copy that it is given; nobody has to write for it:

- annotations of a NamedTuple's fields are evaluated, `from __future__ import annotations` or not,
  and a class of another compiled module that was not imported yet is a null pointer then. In quotes
  they are the strings that they are in Python;
- those of a dataclass are looked up whatever they are: what they are made of is imported;
- `__slots__` are an error. Compiled classes have no `__dict__` as it is.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ABSTRACT = "collections.abc"  # always loaded
_NEVER_QUOTED = ("ClassVar", "Final")


def prepared(source: str) -> str:
    """*source* for mypyc: line numbers stay. Raises SyntaxError."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    for found in ast.walk(tree):
        if isinstance(found, ast.ClassDef):
            _without_slots(found, lines)
    for found in tree.body:
        if isinstance(found, ast.ClassDef) and _is_tuple(found):
            _quote_fields(found, lines)
    if any(_is_dataclass(found) for found in tree.body):
        _import_abstract(tree, lines)
    return "".join(lines)


def _is_tuple(found: ast.ClassDef) -> bool:
    return any(ast.unparse(base) == "NamedTuple" for base in found.bases)


def _is_dataclass(found: ast.stmt) -> bool:
    return isinstance(found, ast.ClassDef) and any(
        ast.unparse(one).startswith("dataclass") for one in found.decorator_list
    )


def _quote_fields(found: ast.ClassDef, lines: list[str]) -> None:
    for one in found.body:
        if isinstance(one, ast.AnnAssign):
            text = ast.unparse(one.annotation)
            if not text.startswith(_NEVER_QUOTED) and '"' not in text and "'" not in text:
                _replace(one.annotation, f'"{text}"', lines)


def _without_slots(found: ast.ClassDef, lines: list[str]) -> None:
    for one in found.body:
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__slots__":
            _replace(one, "pass", lines)


def _import_abstract(tree: ast.Module, lines: list[str]) -> None:
    """`from collections.abc import …` is done, and not for type checkers alone."""
    wanted = [
        f"from {one.module} import {', '.join(map(_as, one.names))}"
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for one in block.body
        if isinstance(one, ast.ImportFrom) and one.module == _ABSTRACT
    ]
    at = _behind_future(tree.body)
    lines[at - 1] = "; ".join([lines[at - 1].rstrip("\n"), *wanted]) + "\n"


def _as(name: ast.alias) -> str:
    return name.name if name.asname is None else f"{name.name} as {name.asname}"


def _behind_future(body: Iterable[ast.stmt]) -> int:
    """The line of `from __future__ import …`, from 1 on; other imports may follow on it."""
    for one in body:
        if isinstance(one, ast.ImportFrom) and one.module == "__future__":
            return one.lineno
    raise SyntaxError("no `from __future__ import annotations`")


def _replace(found: ast.expr | ast.stmt, text: str, lines: list[str]) -> None:
    """*text* in the place of *found*, whose further lines are left empty."""
    first, last = found.lineno - 1, (found.end_lineno or found.lineno) - 1
    head = lines[first].encode()[: found.col_offset].decode()
    tail = lines[last].encode()[found.end_col_offset :].decode()
    lines[first] = head + text + tail
    for at in range(first + 1, last + 1):
        lines[at] = "\n"


def redeclared(sources: Iterable[str]) -> list[str]:
    """Attributes that a class annotates though its base does: mypyc has the collector visit them
    twice, which then frees what is in use, or never frees it (found by 2.4.1). "Class.attribute".
    """
    classes = {
        found.name: found
        for source in sources
        for found in ast.parse(source).body
        if isinstance(found, ast.ClassDef)
    }
    return sorted(
        f"{name}.{attribute}"
        for name, found in classes.items()
        for base in found.bases
        if (above := classes.get(ast.unparse(base))) is not None
        for attribute in _annotated(found) & _annotated(above)
    )


def _annotated(found: ast.ClassDef) -> set[str]:
    """What the class, or `self.` in one of its methods, is annotated to have."""
    targets = [one.target for one in ast.walk(found) if isinstance(one, ast.AnnAssign)]
    inside = {one.attr for one in targets if isinstance(one, ast.Attribute)}
    plain = {
        one.target.id
        for one in found.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    return inside | plain
