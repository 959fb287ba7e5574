"""Configuration → lists: which there are, how each is read and used, what allows names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.check_lists import file_of, is_url, list_name
from resolver.config.schema_lists import Block
from resolver.policy.list_answers import Manner
from resolver.policy.list_judge import ListUse
from resolver.policy.lists import FIREFOX, ICLOUD, Lists, Policy
from resolver.protocol import names

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.config.schema_lists import NameList

__all__ = ["ListSpec", "Lists", "list_policy", "list_specs"]
_AS_LISTED: Final = "as-listed"


class ListSpec(NamedTuple):
    """One list. *ident*: what it is and how it is read; *source*: what a copy of its text is called
    by; *path* None: it is downloaded from *url*."""

    ident: str
    name: str
    is_allow: bool
    form: str
    as_listed: bool
    source: str
    path: Path | None
    url: str


def list_specs(config: Config) -> tuple[ListSpec, ...]:
    """All lists, in the order of their numbers."""
    return tuple(_spec(config, entry) for entry in (*config.block, *config.allow))


def list_policy(config: Config) -> Policy:
    """What *config* says of how lists are used."""
    said = config.policy
    uses = [_use(config, entry) for entry in (*config.block, *config.allow)]
    canaries = FIREFOX if said.firefox_canary else ()
    if said.icloud_private_relay_block:
        canaries = (*canaries, *ICLOUD)
    return Policy(
        Manner(said.block_answer, said.block_ttl, said.contact),
        tuple(uses),
        frozenset(names.from_text(text) for text in said.allow),
        frozenset(canaries),
    )


def _use(config: Config, entry: NameList) -> ListUse:
    action = getattr(entry, "action", "")
    reason = getattr(entry, "reason", "")
    is_allow = not isinstance(entry, Block)
    ident = _spec(config, entry).ident
    how = None if action in ("", _AS_LISTED) else action
    return ListUse(ident, list_name(entry), is_allow, how, frozenset(entry.tags), reason)


def _spec(config: Config, entry: NameList) -> ListSpec:
    is_allow = not isinstance(entry, Block)
    as_listed = isinstance(entry, Block) and entry.action == _AS_LISTED
    path = file_of(config, entry)
    where = entry.source if path is None else str(path.absolute())
    source = _digest(where)
    ident = _digest(f"{where}\n{list_name(entry)}\n{is_allow}\n{entry.format}\n{as_listed}")
    url = entry.source if is_url(entry) else ""
    return ListSpec(ident, list_name(entry), is_allow, entry.format, as_listed, source, path, url)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
