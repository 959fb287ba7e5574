"""Manual pages in man(7): what a page is made of, each with its text escaped.

ASCII only, no macro that mandoc or groff calls obsolete, no line longer than 80 octets where words
allow it. `argparse-manpage` was tried first: it leaves out the examples of subcommands, fills their
usage lines anew, and takes a help text that begins with an apostrophe for a macro.
"""

from __future__ import annotations

import re
import textwrap

WIDTH = 78
BOLD, ITALIC, ROMAN = r"\fB", r"\fI", r"\fR"
_SPECIAL = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga", "'": r"\(aq"}


class Page:
    """One page, built from top to bottom; `str` of it is the file."""

    def __init__(self, title: str, section: int, *, date: str, source: str, manual: str) -> None:
        names = f"{_quoted(source)} {_quoted(manual)}"
        self._lines = [
            '.\\" Made by "make share"; do not edit.',
            f'.TH {_quoted(title.upper())} "{section}" "{date}" {names}',
        ]

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def section(self, title: str) -> None:
        self._lines.append(f".SH {_quoted(title.upper())}")

    def subsection(self, title: str) -> None:
        self._lines.append(f".SS {_quoted(title)}")

    def paragraph(self, text: str) -> None:
        """*text* is escaped already (`escape`, `code`), its line ends are the caller's no more."""
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")
        self._fill(text)

    def line(self, text: str) -> None:
        """The one line of a section that has no more."""
        self._fill(text)

    def synopsis(self, command: str, arguments: str) -> None:
        """How *command* is called; what does not fit on a line goes on below its arguments."""
        self._lines.append(f".SY {_quoted(command)}")
        self._fill(arguments)
        self._lines.append(".YS")

    def entry(self, head: str, *paragraphs: str) -> None:
        """A tag, and indented text that explains it."""
        self._lines += [".TP", _guarded(head)]
        for number, text in enumerate(paragraphs):
            if number:
                self._lines.append(".IP")
            self._fill(text)

    def item(self, mark: str, text: str) -> None:
        """One of a list: bullet or number, and text."""
        self._lines.append(f'.IP "{mark}" 4')
        self._fill(text)

    def literal(self, text: str) -> None:
        """As it stands, not filled."""
        plain = [_guarded(escape(line)) for line in text.strip("\n").splitlines()]
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")
        self._lines += [".EX", *plain, ".EE"]

    def _fill(self, text: str) -> None:
        filled = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        self._lines += [_guarded(line) for line in filled]


def escape(text: str) -> str:
    """Text as roff shows it: no character of it means anything to roff any more."""
    return "".join(
        _SPECIAL.get(one) or (one if one.isascii() else f"\\[u{ord(one):04X}]") for one in text
    )


def bold(text: str) -> str:
    return f"{BOLD}{escape(text)}{ROMAN}"


def italic(text: str) -> str:
    return f"{ITALIC}{escape(text)}{ROMAN}"


def usage(text: str) -> str:
    """A usage line: words to type in bold, what stands for something in italics."""
    parts = re.split(r"([A-Z][A-Z]+|--?[a-z][\w-]*|\b[a-z]+\b)", text)
    return "".join(
        escape(part) if number % 2 == 0 else (italic(part) if part.isupper() else bold(part))
        for number, part in enumerate(parts)
    )


def _guarded(line: str) -> str:
    r"""A line of text that begins like a macro is none behind a \& that prints nothing."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _quoted(text: str) -> str:
    return '"' + escape(text).replace('"', r"\(dq") + '"'
