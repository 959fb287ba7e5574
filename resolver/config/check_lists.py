"""What no type can say about `[policy]`, `[[block]]` and `[[allow]]`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from resolver import limits
from resolver.config.extras import extra_missing
from resolver.config.fault import Fault
from resolver.config.files import can_be_read
from resolver.config.holes import as_far_as_known
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_lists import Block, NameList

_LONGEST_NAME: Final = 64


def list_faults(config: Config) -> Iterator[Fault]:
    """What makes lists unusable."""
    for look in (_block_answer, _allow, _contact, _lists, _actions):
        yield from as_far_as_known(look)(config)


def _block_answer(config: Config) -> Iterator[Fault]:
    yield from _answer("policy.block_answer", config.policy.block_answer)


def _allow(config: Config) -> Iterator[Fault]:
    for text in config.policy.allow:
        try:
            names.from_text(text)
        except ValueError:
            yield Fault("policy.allow", text, 'a domain name such as "example.com"')


def _contact(config: Config) -> Iterator[Fault]:
    for text in config.policy.contact:
        if not urlsplit(text).scheme:
            yield Fault("policy.contact", text, 'a URI such as "mailto:noc@example.com"')


def _lists(config: Config) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for here, entry in _entries(config):
        yield from _source(here, entry)
        yield from _name(here, entry, seen)
        yield from _tags(here, entry)
    if len(seen) > limits.LISTS:
        yield Fault("block", len(seen), f"at most {limits.LISTS} lists, those of [[allow]] too")


def _actions(config: Config) -> Iterator[Fault]:
    for number, block in enumerate(config.block):
        yield from _action(f"block[{number}].action", block)


@as_far_as_known
def _action(where: str, block: Block) -> Iterator[Fault]:
    yield from _answer(where, block.action)


def list_advice(config: Config) -> Iterator[str]:
    """What works, but not as meant."""
    for _, entry in _entries(config):
        path = file_of(config, entry)
        if path is not None and not can_be_read(path):
            yield f"list {list_name(entry)}: {path} cannot be read, so nothing of it counts"
        yield from unknown_tags(f"list {list_name(entry)}", entry.tags, config)
        if path is None and not config.working_directory:
            yield (
                f"list {list_name(entry)} is downloaded at every start, for there is no "
                "working_directory to keep it in; until then nothing of it counts"
            )


def unknown_tags(what: str, tags: Iterable[str], config: Config) -> Iterator[str]:
    """*what* counts for nobody, where no view has one of its *tags*."""
    known = {tag for view in config.view for tag in view.tags}
    if tags and known.isdisjoint(tags):
        yield f"{what} counts for nobody: no [[view]] has the tag {', '.join(tags)}"


def list_name(entry: NameList) -> str:
    """What a list is called."""
    return entry.name or entry.source.rstrip("/").rpartition("/")[2] or entry.source


def is_url(entry: NameList) -> bool:
    """Is it to be downloaded?"""
    return "://" in entry.source


def file_of(config: Config, entry: NameList) -> Path | None:
    """Where it lies; None if it is to be downloaded. Relative paths begin at working_directory."""
    if is_url(entry):
        return None
    return Path(config.working_directory) / entry.source


@as_far_as_known
def _entries(config: Config) -> Iterator[tuple[str, NameList]]:
    for number, block in enumerate(config.block):
        yield f"block[{number}]", block
    for number, allow in enumerate(config.allow):
        yield f"allow[{number}]", allow


@as_far_as_known
def _source(here: str, entry: NameList) -> Iterator[Fault]:
    expected = "the path of a file, or a URL that begins with https://"
    if not entry.source:
        yield Fault(f"{here}.source", entry.source, expected)
    elif is_url(entry):
        parts = urlsplit(entry.source)
        if parts.scheme != "https" or not parts.hostname:
            yield Fault(f"{here}.source", entry.source, expected)
        elif missing := extra_missing("lists"):
            yield Fault(f"{here}.source", entry.source, missing)


@as_far_as_known
def _name(here: str, entry: NameList, seen: dict[str, str]) -> Iterator[Fault]:
    name = list_name(entry)
    if name in seen:
        yield Fault(f"{here}.name", name, f"a name of its own; {seen[name]} has it")
    seen[name] = here
    if len(name) > _LONGEST_NAME or not name.isprintable():
        yield Fault(f"{here}.name", name, f"at most {_LONGEST_NAME} characters that can be printed")


@as_far_as_known
def _tags(here: str, entry: NameList) -> Iterator[Fault]:
    for tag in entry.tags:
        if not tag or not tag.isprintable():
            yield Fault(f"{here}.tags", tag, "a word")


def _answer(where: str, value: str | tuple[str, ...]) -> Iterator[Fault]:
    if isinstance(value, str):
        return
    if not value:
        yield Fault(where, [], "at least one address, or one of the words")
    for text in value:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            yield Fault(where, text, 'an address such as "192.0.2.10"')
