"""Configuration → policy zones: what each is made of, how it is used, what else a step needs."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Final

from resolver.config.check_rpz import file_of, is_file, key_of
from resolver.config.files import working_path
from resolver.config.forwarders import forwarders
from resolver.daemon.rpz_job import Primary
from resolver.errors import ConfigError, unusable_file
from resolver.policy.rpz import Live, Rpzs, Terms
from resolver.policy.rpz_actions import Manner, override_of
from resolver.policy.tsig import Key
from resolver.protocol import names
from resolver.protocol.codes import EdeCode
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_rpz import Rpz
    from resolver.delegation import Delegation
    from resolver.iterate.walk import Walker
    from resolver.model import Name
    from resolver.policy.rpz import Cuts
    from resolver.policy.rpz_table import Table

_CODES: Final = {
    "blocked": EdeCode.BLOCKED,
    "censored": EdeCode.CENSORED,
    "filtered": EdeCode.FILTERED,
}
_PLAIN: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,99}", re.ASCII)
RPZ_DIRECTORY: Final = "rpz"


def name_of(entry: Rpz) -> str:
    """What a zone is called: its name, without the last dot."""
    return entry.zone.lower().removesuffix(".") or "."


def kept_as(entry: Rpz) -> str:
    """The file in `working_directory` that it is kept in."""
    name = name_of(entry)
    if not _PLAIN.fullmatch(name):
        name = hashlib.blake2b(name.encode(), digest_size=10).hexdigest()
    return f"{RPZ_DIRECTORY}/{name}.table"


def in_use(config: Config, rpzs: Rpzs) -> tuple[Rpzs, tuple[Live, ...]]:
    """*rpzs*, and the zones of *config*, with the tables that are there already."""
    return rpzs, tuple(Live(_terms(entry), rpzs.tables.get(name_of(entry))) for entry in config.rpz)


def _terms(entry: Rpz) -> Terms:
    return Terms(
        name_of(entry),
        override_of(entry.override),
        Manner(_CODES[entry.ede], name_of(entry)),
        frozenset(entry.tags),
        logs=entry.log,
    )


def cuts_of(walker: Walker) -> Cuts:
    """What is known of the cuts above a name, though it be over; the root's servers are no
    grounds."""

    def cuts(name: Name) -> Iterator[Delegation]:
        for zone in names.ancestors(name):
            if zone == names.ROOT:
                return
            found = walker.cut_of(zone)
            if found is not None:
                yield found

    return cuts


def primaries_of(entry: Rpz) -> list[Primary]:
    """Whom it is transferred from, in this order."""
    return [
        Primary(*one.where, is_tls=one.transport is Transport.TLS, auth_name=one.auth_name)
        for text in entry.primaries
        for one in forwarders(text)
    ]


def notifiers_of(config: Config) -> dict[Name, frozenset[bytes]]:
    """Whose NOTIFY counts: raw addresses by zone."""
    return {
        names.from_text(entry.zone): frozenset(
            address_octets(one.host) for one in primaries_of(entry)
        )
        for entry in config.rpz
        if entry.primaries
    }


def tsig_of(config: Config, entry: Rpz) -> list[str]:
    """Algorithm, name and secret. Raises ConfigError where its file is no good."""
    if not entry.tsig:
        return []
    text = entry.tsig
    wanted = 'a file with "hmac-sha256:NAME:SECRET"'
    if is_file(text):
        try:
            text = working_path(config, text).read_text("latin-1").strip()
        except OSError as error:
            raise unusable_file("rpz.tsig", entry.tsig, wanted, error) from None
    try:
        return list(key_of(text))
    except ValueError as error:
        raise ConfigError("rpz.tsig", entry.tsig, f"{wanted} ({error})") from None


def key_octets(algorithm: str, name: str, secret: str) -> Key:
    """The key that `tsig_of` tells, as names and octets."""
    return Key(names.from_text(algorithm), names.from_text(name.lower()), base64.b64decode(secret))


def authorities_of(config: Config, entry: Rpz) -> str | None:
    """Certificates to believe; None: the system's. Raises ConfigError."""
    if not entry.ca_file:
        return None
    try:
        return working_path(config, entry.ca_file).read_text("latin-1")
    except OSError as error:
        wanted = "a file of certificates (PEM)"
        raise unusable_file("rpz.ca_file", entry.ca_file, wanted, error) from None


def file_text(config: Config, entry: Rpz) -> str:
    """The absolute path of its file, "" where it is transferred."""
    path = file_of(config, entry)
    return "" if path is None else str(path.absolute())


def put(rpzs: Rpzs, name: str, table: Table | None) -> None:
    """Have *table* in use for the zone *name*. One assignment for each use of it."""
    if table is None:
        rpzs.tables.pop(name, None)
    else:
        rpzs.tables[name] = table
    for live in rpzs.zones:
        if live.terms.name == name:
            live.table = table
