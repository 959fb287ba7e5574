"""The manual pages: everything is in them, they are fresh, and readers of man(7) find no fault."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from resolver.cli import tables
from resolver.cli.parser import parser
from tools import markdown_to_roff, roff, share

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "resolver.8": "share/man/man8/resolver.8",
    "resolver.toml.5": "share/man/man5/resolver.toml.5",
}
FONT = re.compile(r"\\f[BIR]")


def page(name: str) -> str:
    """What stands on the page, without fonts and escapes."""
    text = FONT.sub("", (ROOT / PAGES[name]).read_text("ascii"))
    return text.replace(r"\-", "-").replace(r"\(dq", '"').replace(r"\(aq", "'")


def a_page() -> roff.Page:
    return roff.Page("try", 7, date="2026-11-28", source="s", manual="m")


def test_what_is_committed_is_what_the_sources_say() -> None:
    """`make share` after a change of options, keys or documents."""
    stale = [
        path
        for path, text in share.files().items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text("utf-8") != text
    ]
    assert stale == []


def test_every_option_of_every_command_is_in_the_manual() -> None:
    entries = page("resolver.8").split(".SS ")
    commands = next(
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    missing = []
    for name, command in commands.choices.items():
        part = next(entry for entry in entries if entry.startswith(f'"resolver {name}"\n'))
        options = [option for action in command._actions for option in action.option_strings]
        heads = re.findall(r"^\.TP\n(.*)$", part, re.MULTILINE)
        shown = {word for head in heads for word in re.split(r"[ ,]+", head)}
        missing += [f"{name} {one}" for one in options if one not in {*shown, "-h", "--help"}]
    assert missing == []


def test_every_key_of_the_configuration_is_in_the_manual() -> None:
    parts = page("resolver.toml.5").split(".SS ")
    listed = {
        (part.partition("\n")[0].strip('"'), name)
        for part in parts
        for name in re.findall(r"^\.TP\n(\w+) \(", part, re.MULTILINE)
    }
    keys = {
        (f"[{key.table}]" if key.table else "At the top", key.name) for key in tables.key_entries()
    }
    assert len(keys) > 50
    assert listed == keys


@pytest.mark.parametrize("name", PAGES)
def test_groff_has_no_warning(name: str) -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("not installed: man-db, groff")
    argv = ("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(ROOT / PAGES[name]))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SEE ALSO" in re.sub(r".\x08|\x1b\[\d*m", "", done.stdout)


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_has_no_warning(name: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("not installed: mandoc")
    argv = ("mandoc", "-T", "lint", "-W", "warning", str(ROOT / PAGES[name]))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_text_is_never_taken_for_a_macro() -> None:
    """A line that begins with . or ', and a backslash, stand on the page as they are."""
    made = a_page()
    made.section("s")
    made.paragraph(roff.escape(r".so /etc/passwd \n"))
    made.paragraph(roff.escape("'tis so"))
    made.literal(".PP\n-x")
    assert str(made).splitlines()[3:] == [
        r"\&.so /etc/passwd \en",
        ".PP",
        r"\(aqtis so",
        ".PP",
        ".EX",
        r"\&.PP",
        r"\-x",
        ".EE",
    ]


def test_what_is_not_ascii_is_written_by_its_number() -> None:
    assert roff.escape("RFC 5155 §6, 1 → 2") == r"RFC 5155 \[u00A7]6, 1 \[u2192] 2"


def test_a_table_becomes_a_list() -> None:
    """The first column is the tag; the head of the table says nothing that a list needs."""
    text = "# t\n\n## one\n\n| a | b | c |\n|---|---|---|\n| `x` | y | z |\n\n- an item\n\nend\n"
    made = a_page()
    (section,) = markdown_to_roff.sections(text)
    markdown_to_roff.put(made, section.blocks)
    assert section.title == "one"
    assert str(made).splitlines()[2:] == [
        ".TP",
        r"\fBx\fR",
        "y; z",
        '.IP "\\(bu" 4',
        "an item",
        ".PP",
        "end",
    ]


def test_a_kind_of_block_that_is_not_known_is_told() -> None:
    """Nothing of a document is left out silently."""
    (section,) = markdown_to_roff.sections("# t\n\n## one\n\n> quoted\n")
    with pytest.raises(ValueError, match="blockquote"):
        markdown_to_roff.put(a_page(), section.blocks)


def test_the_exit_status_has_a_section_of_its_own() -> None:
    """Not under the last of the commands, where nobody looks for it."""
    parts = page("resolver.8").split(".SH ")
    assert [part.partition("\n")[0] for part in parts[1:5]] == [
        '"NAME"',
        '"SYNOPSIS"',
        '"DESCRIPTION"',
        '"COMMANDS"',
    ]
    status = next(part for part in parts if part.startswith('"EXIT STATUS"\n'))
    assert re.search(r"^130 +interrupted$", status, re.MULTILINE)
