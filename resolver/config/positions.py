"""Where each key and value of a TOML document stands, by line: tomllib does not tell.

Pure. Reads only what tomllib has taken already, and so holds it against nothing: what it does not
understand has no line, and a problem is told without one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from resolver.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.errors import ConfigError

_TOKEN: Final = re.compile(
    r"""[ \t\r]+ | \#[^\n]*                                 # nothing
      | (?P<text> \"{3}(?:[^\\]|\\.)*?\"{3}\"{0,2} | '{3}.*?'{3}'{0,2}
                | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' )
      | (?P<mark> [\[\]{}=.,\n] )
      | (?P<bare> [^\s"'\[\]{}=.,\#]+ )""",
    re.VERBOSE | re.DOTALL,
)
_ENDS: Final = frozenset(",]}\n")


def lines_of(text: str) -> dict[str, int]:
    """The line of each key, table and item: "server.listen[1]", "forward[0]", "forward[0].zone"."""
    try:
        return _Reader(text).lines
    except (IndexError, RecursionError):
        return {}


def placed(problem: ConfigError, name: str, text: str, document: dict[str, Any]) -> ConfigError:
    """*problem* with its place: file *name*, and the line in *text* if the key stands there."""
    line = _line(problem, lines_of(text), document)
    return problem.at(f"{name} line {line}" if line else name)


def _line(problem: ConfigError, lines: dict[str, int], document: dict[str, Any]) -> int:
    """0 if there is none."""
    where, value = problem.where.partition(":")[0], problem.value  # a line of a file may follow
    if where not in lines:  # it may be one of several tables: the one with that value
        same = [path for path in lines if re.sub(r"\[\d+\]", "", path) == where]
        where = next((path for path in same if _at(document, path) == value), where)
    found = _at(document, where)
    if isinstance(found, list) and value in found:
        return lines.get(f"{where}[{found.index(value)}]", 0)
    table = where.rpartition(".")[0]
    is_in_table = problem.kind is Kind.ABSENT or table.endswith("]")
    return lines.get(where, 0) or (lines.get(table, 0) if is_in_table else 0)


def _at(document: Any, where: str) -> Any:
    """What stands at *where*; None if nothing does."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", where):
        try:
            document = document[name] if name else document[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return document


class _Reader:
    """One pass over the tokens: statement by statement, value by value."""

    def __init__(self, text: str) -> None:
        self.lines: dict[str, int] = {}
        self._tokens = [*_tokens(text), ("\n", 0)]
        self._at = 0
        self._tables: dict[str, int] = {}  # of each array of tables, how many there were
        self._base = ""
        while self._at < len(self._tokens):
            self._statement()

    def _next(self) -> tuple[str, int]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at][0]

    def _skip(self, marks: str) -> None:
        while self._at < len(self._tokens) and self._peek() in marks:
            self._at += 1

    def _statement(self) -> None:
        self._skip("\n")
        if self._at >= len(self._tokens):
            return
        if self._peek() == "[":
            self._header()
        else:
            self._assignment(self._base)

    def _header(self) -> None:
        self._next()
        is_array = self._peek() == "["
        self._skip("[")
        names, line = self._key()
        self._skip("]")
        path = ""
        for name in names[:-1]:
            path = self._inside(_joined(path, name))
        path = _joined(path, names[-1])
        self.lines.setdefault(path, line)
        if is_array:
            self._tables[path] = self._tables.get(path, 0) + 1
        self._base = self._inside(path)
        self.lines[self._base] = line

    def _inside(self, path: str) -> str:
        """*path*, or of an array of tables the one that was begun last."""
        count = self._tables.get(path, 0)
        return f"{path}[{count - 1}]" if count else path

    def _key(self) -> tuple[list[str], int]:
        """The parts of a dotted key, and its line."""
        token, line = self._next()
        names = [_bare(token)]
        while self._peek() == ".":
            self._next()
            names.append(_bare(self._next()[0]))
        return names, line

    def _assignment(self, base: str) -> None:
        names, line = self._key()
        for name in names:
            base = _joined(base, name)
            self.lines.setdefault(base, line)
        self._skip("=")
        self._value(base)

    def _value(self, path: str) -> None:
        first = self._peek()
        if first == "[":
            self._list(path)
        elif first == "{":
            self._next()
            self._skip(",\n")
            while self._peek() != "}":
                self._assignment(path)
                self._skip(",\n")
            self._next()
        else:
            self._next()
            while self._peek() not in _ENDS:
                self._next()

    def _list(self, path: str) -> None:
        self._next()
        index = 0
        self._skip(",\n")
        while self._peek() != "]":
            item = f"{path}[{index}]"
            self.lines[item] = self._tokens[self._at][1]
            self._value(item)
            index += 1
            self._skip(",\n")
        self._next()


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """What is not space or a comment, with its line. Text keeps its quotes."""
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup is not None:
            yield found[0], line
        line += found[0].count("\n")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _bare(token: str) -> str:
    return token[1:-1] if token[0] in "\"'" else token
