"""`make versions`: the libraries that packages bring, as pip reports them."""

from __future__ import annotations

import json

from tools import versions


def test_pip_s_report_becomes_one_line_each() -> None:
    """By name, in the form in which indexes spell them; the program itself is no library."""
    found = [("Zope", "2"), ("typing_extensions", "4.1"), ("resolver", "0.1.0")]
    install = [{"metadata": {"name": name, "version": version}} for name, version in found]
    text = versions.text(json.dumps({"install": install}))
    assert text == versions.HEAD + "typing-extensions==4.1\nzope==2\n"


def test_the_file_is_what_the_tool_writes() -> None:
    lines = versions.FILE.read_text("utf-8").splitlines()
    install = [
        {"metadata": dict(zip(("name", "version"), line.split("=="), strict=True))}
        for line in lines[1:]
    ]
    assert versions.text(json.dumps({"install": install})).splitlines() == lines
