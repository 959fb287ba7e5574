"""What `[[block]]`, `[[allow]]` and `[policy]` may say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver import limits
from resolver.config import check, extras
from resolver.config.check_lists import list_name
from resolver.config.load import loads
from resolver.config.schema_lists import Block
from resolver.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[[block]]\nname = "a"', "block[0].source"),
        ('[[block]]\nsource = ""', "block[0].source"),
        ('[[block]]\nsource = "http://a.example/list"', "block[0].source"),
        ('[[block]]\nsource = "ftp://a.example/list"', "block[0].source"),
        ('[[block]]\nsource = "https:///list"', "block[0].source"),
        ('[[block]]\nsource = "a"\n[[block]]\nsource = "b/a"', "block[1].name"),
        ('[[block]]\nsource = "a"\n[[allow]]\nsource = "b"\nname = "a"', "allow[0].name"),
        ('[[block]]\nsource = "a"\nformat = "csv"', "block[0].format"),
        ('[[block]]\nsource = "a"\naction = "null2"', "block[0].action"),
        ('[[block]]\nsource = "a"\naction = ["nobody"]', "block[0].action"),
        ('[[block]]\nsource = "a"\naction = []', "block[0].action"),
        ('[[block]]\nsource = "a"\ntags = [""]', "block[0].tags"),
        ('[[allow]]\nsource = "a"\naction = "null"', "allow[0].action"),
        ('[policy]\nblock_answer = "none"', "policy.block_answer"),
        ('[policy]\nblock_answer = ["1.2.3"]', "policy.block_answer"),
        ("[policy]\nblock_ttl = 86401", "policy.block_ttl"),
        ('[policy]\nallow = ["a..b"]', "policy.allow"),
        ('[policy]\ncontact = ["nobody"]', "policy.contact"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_key(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert caught.value.where == where


def test_what_is_meant_is_taken() -> None:
    config = loads(
        """
        [policy]
        block_answer = ["192.0.2.10", "2001:db8::10"]
        allow = ["good.example"]
        [[block]]
        source = "https://lists.example/hosts.txt"
        [[block]]
        name = "own"
        source = "block.txt"
        action = "nxdomain"
        tags = ["kids"]
        [[allow]]
        source = "/etc/allow.txt"
        """
    )
    assert [list_name(one) for one in (*config.block, *config.allow)] == [
        "hosts.txt", "own", "allow.txt",
    ]  # fmt: skip


@pytest.mark.reaches("LISTS")
def test_there_are_no_more_lists_than_a_listed_name_can_say() -> None:
    text = "".join(f'[[block]]\nsource = "{number}"\n' for number in range(limits.LISTS + 1))
    with pytest.raises(ConfigError, match="at most 64 lists"):
        loads(text)


def test_what_downloads_need_is_said_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_is_there", lambda _: False)
    with pytest.raises(ConfigError, match=r"httpx2.*resolver\[lists\]"):
        loads('[[block]]\nsource = "https://a.example/list"')


def test_a_file_that_is_not_there_is_no_reason_not_to_start(tmp_path: Path) -> None:
    """A list that vanishes must not take the resolver with it."""
    there = tmp_path / "there.txt"
    there.write_text("a.example\n")
    text = f'[[block]]\nsource = "{tmp_path}/gone.txt"\n[[block]]\nsource = "{there}"'
    said = [one for one in check.advice(loads(text)) if one.startswith("list ")]
    assert said == [f"list gone.txt: {tmp_path}/gone.txt cannot be read, so nothing of it counts"]


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever opens one to read waits until somebody writes: `check` never ended."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = f'[[block]]\nsource = "{pipe}"\n[[rpz]]\nzone = "x"\nfile = "{pipe}"'
    said = [one for one in check.advice(loads(text)) if str(pipe) in one]
    assert said == [
        f"list pipe: {pipe} cannot be read, so nothing of it counts",
        f"rpz x: {pipe} cannot be read, so nothing of it counts",
    ]


def test_tags_that_no_view_has_are_told(tmp_path: Path) -> None:
    """A slip in a tag, and a list for the children is for nobody."""
    (tmp_path / "x").write_text("a.example\n")
    view = "[[view]]\nname = 'kids'\nclients = ['10.0.0.0/8']\ntags = ['kids']\n"
    text = f"""{view}[[block]]\nsource = "{tmp_path}/x"\ntags = ["kid"]
[[rpz]]\nzone = "y"\nfile = "{tmp_path}/x"\ntags = ["kid"]\n"""
    told = [one for one in check.advice(loads(text)) if "for nobody" in one]
    assert told == [
        "list x counts for nobody: no [[view]] has the tag kid",
        "rpz y counts for nobody: no [[view]] has the tag kid",
    ]
    known = check.advice(loads(text.replace('"kid"', '"kids"')))
    assert not [one for one in known if "for nobody" in one]


def test_downloads_want_a_place_to_be_kept_in() -> None:
    (said,) = check.advice(loads('[[block]]\nsource = "https://a.example/list"'))
    assert "no working_directory" in said


def test_a_list_is_called_by_the_last_part_of_its_source() -> None:
    assert list_name(Block(source="https://a.example/x/hosts/")) == "hosts"
    assert list_name(Block(source="/etc/a.txt", name="mine")) == "mine"
