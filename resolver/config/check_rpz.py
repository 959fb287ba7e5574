"""What no type can say about `[[rpz]]`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver import limits
from resolver.config.check_forwards import pin
from resolver.config.check_lists import unknown_tags
from resolver.config.fault import Fault, each
from resolver.config.files import can_be_read
from resolver.config.forwarders import forwarders
from resolver.config.holes import as_far_as_known
from resolver.protocol import names
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_rpz import Rpz

ALGORITHMS: Final = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
_TSIG: Final = '"hmac-sha256:NAME:SECRET" with the secret in base64, or the path of a file with it'
_OVERRIDES: Final = "given", "nxdomain", "nodata", "passthru", "drop", "tcp-only", "disabled"
_EXPECTED_OVERRIDE: Final = 'one of "' + '", "'.join(_OVERRIDES) + '", or "cname:NAME"'
_TRANSPORTS: Final = (Transport.UDP, Transport.TLS)


class TsigKey(NamedTuple):
    """*name* in presentation form, *secret* in base64."""

    algorithm: str
    name: str
    secret: str


def rpz_faults(config: Config) -> Iterator[Fault]:
    """What makes policy zones unusable."""
    if len(config.rpz) > limits.RPZ_ZONES:
        yield Fault("rpz", len(config.rpz), f"at most {limits.RPZ_ZONES} zones")
    seen: dict[bytes, int] = {}
    for number, entry in enumerate(config.rpz):
        here = f"rpz[{number}]"
        yield from _zone(number, entry, seen)
        for look in (_source, _primaries, _pins, _key, _of_a_file, _override, _tags):
            yield from as_far_as_known(look)(here, entry)


@as_far_as_known
def _zone(number: int, entry: Rpz, seen: dict[bytes, int]) -> Iterator[Fault]:
    where = f"rpz[{number}].zone"
    try:
        zone = names.from_text(entry.zone)
    except ValueError as error:
        yield Fault(where, entry.zone, f'a domain name such as "rpz.example": {error}')
        return
    if zone in seen:
        yield Fault(where, entry.zone, f"a zone of its own; rpz[{seen[zone]}] has it")
    seen[zone] = number


def rpz_advice(config: Config) -> Iterator[str]:
    """What works, but not as meant."""
    for entry in config.rpz:
        path = file_of(config, entry)
        if path is not None and not can_be_read(path):
            yield f"rpz {entry.zone}: {path} cannot be read, so nothing of it counts"
        yield from unknown_tags(f"rpz {entry.zone}", entry.tags, config)
        if entry.primaries and not config.working_directory:
            yield (
                f"rpz {entry.zone} is transferred at every start, for there is no "
                "working_directory to keep it in; until then nothing of it counts"
            )


def file_of(config: Config, entry: Rpz) -> Path | None:
    """Where it lies; None if it is transferred. Relative paths begin at working_directory."""
    return Path(config.working_directory) / entry.file if entry.file else None


def key_of(text: str) -> TsigKey:
    """What `tsig` says, or the file that it names. Raises ValueError."""
    algorithm, _, rest = text.strip().partition(":")
    name, _, secret = rest.rpartition(":")
    if algorithm.lower() not in ALGORITHMS:
        raise ValueError(f"one of {', '.join(ALGORITHMS)}")
    names.from_text(name)
    try:
        if not base64.b64decode(secret, validate=True):
            raise ValueError("a secret")
    except binascii.Error:
        raise ValueError("a secret in base64") from None
    return TsigKey(algorithm.lower(), name, secret)


def is_file(tsig: str) -> bool:
    """Is it the path of a file?"""
    return bool(tsig) and ":" not in tsig


def _source(here: str, entry: Rpz) -> Iterator[Fault]:
    if bool(entry.file) == bool(entry.primaries):
        yield Fault(f"{here}.file", entry.file, "a file, or primaries: one of the two")


def _primaries(here: str, entry: Rpz) -> Iterator[Fault]:
    for text in entry.primaries:
        expected = '"192.0.2.1", "[2001:db8::1]:53" or "tls://192.0.2.1#NAME"'
        try:
            if any(one.transport not in _TRANSPORTS for one in forwarders(text)):
                yield Fault(f"{here}.primaries", text, expected)
        except ValueError:
            yield Fault(f"{here}.primaries", text, expected)


def _pins(here: str, entry: Rpz) -> Iterator[Fault]:
    yield from each(f"{here}.pins", entry.pins, pin)


def _key(here: str, entry: Rpz) -> Iterator[Fault]:
    if entry.tsig and not is_file(entry.tsig):
        try:
            key_of(entry.tsig)
        except ValueError as error:
            yield Fault(f"{here}.tsig", "(not shown)", f"{_TSIG}: {error}")


def _of_a_file(here: str, entry: Rpz) -> Iterator[Fault]:
    if entry.file and (entry.tsig or entry.ca_file or entry.pins):
        yield Fault(f"{here}.tsig", "(not shown)", "nothing: a file is not transferred")


def _override(here: str, entry: Rpz) -> Iterator[Fault]:
    word, colon, target = entry.override.partition(":")
    if colon and word == "cname":
        try:
            names.from_text(target)
        except ValueError:
            yield Fault(f"{here}.override", entry.override, _EXPECTED_OVERRIDE)
    elif entry.override not in _OVERRIDES:
        yield Fault(f"{here}.override", entry.override, _EXPECTED_OVERRIDE)


def _tags(here: str, entry: Rpz) -> Iterator[Fault]:
    for tag in entry.tags:
        if not tag or not tag.isprintable():
            yield Fault(f"{here}.tags", tag, "a word")
