"""What no type can say about `[[forward]]`: whom it names, and how they are to prove themselves.

Clear text beside encryption in one zone would send some questions where anybody reads them, so it
takes a word of its own, `profile = "opportunistic"`. A key (`pins`) proves more than any issuer
(`ca_file`), so one of them is enough, and the other would be a wish that nobody looks at.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from resolver.config.extras import extra_missing
from resolver.config.fault import Fault, each
from resolver.config.forwarders import forwarders, forwarders_of, goes_on
from resolver.config.holes import as_far_as_known
from resolver.config.providers import provider
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config, Forward

_SHA256_OCTETS: Final = 32
_SCHEME: Final = "sha256/"


def forward_faults(config: Config) -> Iterator[Fault]:
    """Of each table, and of all together."""
    proven: dict[object, tuple[Forward, tuple[object, ...]]] = {}
    for number, entry in enumerate(config.forward):
        here = f"forward[{number}]"
        wrong = tuple(_addresses(here, entry))
        yield from wrong
        yield from _pins(here, entry)
        if not wrong:
            yield from _profile(here, entry)
            yield from _proof(here, entry)
            yield from _demands(here, entry, proven)


@as_far_as_known
def _demands(
    here: str, entry: Forward, proven: dict[object, tuple[Forward, tuple[object, ...]]]
) -> Iterator[Fault]:
    """One server is asked in one way, whoever names it."""
    for one in forwarders_of(entry):
        demands = entry.profile, entry.ca_file, tuple(sorted(entry.pins)), one.path
        who = one._replace(path="")
        other, before = proven.setdefault(who, (entry, demands))
        if one.is_encrypted and demands != before:
            expected = (
                f"the same profile, ca_file, pins and path for it as forward {other.zone} has"
            )
            yield Fault(f"{here}.addresses", str(one), expected)


def forward_advice(config: Config) -> Iterator[str]:
    """What works, and tells others more than may be meant."""
    for entry in config.forward:
        is_encrypted = any(one.is_encrypted for one in forwarders_of(entry))
        if is_encrypted and entry.profile == "strict" and goes_on(entry):
            yield (
                f"forward {entry.zone} is encrypted, but where its servers fail, names are "
                "resolved from the root, in clear text"
            )


def pin(text: str) -> bytes:
    """The 32 octets of "sha256/BASE64". Raises ValueError."""
    expected = '"sha256/" and the Base64 of the SHA-256 of a public key, 44 characters'
    try:
        octets = base64.b64decode(text.removeprefix(_SCHEME), validate=True)
    except binascii.Error:
        raise ValueError(expected) from None
    if not text.startswith(_SCHEME) or len(octets) != _SHA256_OCTETS:
        raise ValueError(expected)
    return octets


@as_far_as_known
def _addresses(here: str, entry: Forward) -> Iterator[Fault]:
    if not entry.addresses and not entry.provider:
        yield Fault(f"{here}.addresses", [], "at least one address, or a provider")
    for text in entry.addresses:
        try:
            forwarders(text)
        except ValueError as error:
            yield Fault(f"{here}.addresses", text, str(error))
            continue
        missing = extra_missing(text.partition("://")[0])
        if missing:
            yield Fault(f"{here}.addresses", text, missing)
    if entry.provider:
        yield from _provider(here, entry.provider)


def _provider(here: str, text: str) -> Iterator[Fault]:
    try:
        _, transport = provider(text)
    except ValueError as error:
        yield Fault(f"{here}.provider", text, str(error))
        return
    missing = extra_missing(transport.value)
    if missing:
        yield Fault(f"{here}.provider", text, missing)


@as_far_as_known
def _profile(here: str, entry: Forward) -> Iterator[Fault]:
    found = forwarders_of(entry)
    clear = [one for one in found if one.transport is Transport.UDP]
    if entry.profile == "strict" and clear and len(clear) < len(found):
        expected = 'encrypted servers only, beside encrypted ones, or profile = "opportunistic"'
        yield Fault(f"{here}.addresses", str(clear[0]), expected)
    if entry.profile == "opportunistic" and len(clear) == len(found):
        expected = '"strict": none of its servers is encrypted'
        yield Fault(f"{here}.profile", entry.profile, expected)
    if entry.discover and not clear:
        yield Fault(
            f"{here}.discover", entry.discover, "false: all of its servers are encrypted already"
        )


@as_far_as_known
def _pins(here: str, entry: Forward) -> Iterator[Fault]:
    yield from each(f"{here}.pins", entry.pins, pin)


@as_far_as_known
def _proof(here: str, entry: Forward) -> Iterator[Fault]:
    """Certificates and keys: what is asked for must be looked at."""
    found = forwarders_of(entry)
    for key, value in (("ca_file", entry.ca_file), ("pins", list(entry.pins))):
        if not value:
            continue
        if not (any(one.is_encrypted for one in found) or entry.discover):
            yield Fault(f"{here}.{key}", value, "nothing: none of its servers is encrypted")
        elif entry.profile == "opportunistic":
            expected = 'nothing, or profile = "strict": it is not proven'
            yield Fault(f"{here}.{key}", value, expected)
    if entry.pins and entry.ca_file:
        yield Fault(f"{here}.ca_file", entry.ca_file, "nothing beside pins, which are enough")
