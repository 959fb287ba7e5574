"""What no type can say: values that contradict each other, and what is allowed but unwise.

Pure but for looking whether named files can be read. `faults` stop a start, `advice` does not.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from resolver import limits
from resolver.config import endpoints, listen_urls
from resolver.config.check_addresses import address_faults
from resolver.config.check_forwards import forward_advice, forward_faults
from resolver.config.check_lists import list_advice, list_faults
from resolver.config.check_local import local_faults, rewrite_faults
from resolver.config.check_rpz import rpz_advice, rpz_faults
from resolver.config.check_server import server_faults
from resolver.config.check_valkey import faults_of_valkey
from resolver.config.check_views import view_advice, view_faults
from resolver.config.check_web import faults_of_page
from resolver.config.check_zones import zone_faults
from resolver.config.extras import extra_missing
from resolver.config.fault import Fault, each
from resolver.config.files import unlike, working_path
from resolver.config.holes import as_far_as_known
from resolver.config.schema import NOT_YET, NegativeAnchor
from resolver.config.shares import memory_faults
from resolver.config.tap_target import tap_target
from resolver.errors import Kind
from resolver.protocol import names
from resolver.protocol.codes import META_TYPES, type_number
from resolver.protocol.ip_addresses import is_address, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.config.schema import Config, Warm


def faults(config: Config) -> Iterator[Fault]:
    """Everything that makes *config* unusable."""
    for look in _LOOKS:
        yield from as_far_as_known(look)(config)


def advice(config: Config) -> Iterator[str]:
    """What works, but probably not as meant: one sentence each."""
    allowed = [endpoints.network(text) for text in config.server.allow_from]
    if any(network.prefixlen == 0 for network in allowed):
        yield (
            "server.allow_from lets the whole Internet ask: an open resolver is used for "
            "attacks on others; name your own networks"
        )
    hosts = [listen_urls.listen_url(text).where[0] for text in config.server.listen]
    if any(not is_loopback(host) for host in hosts) and all(net.is_loopback for net in allowed):
        yield (
            "server.listen has addresses that others can reach, but server.allow_from "
            "lets only this machine ask"
        )
    yield from list_advice(config)
    yield from old_spellings(config)
    yield from forward_advice(config)
    yield from view_advice(config)
    yield from rpz_advice(config)
    if not config.dnssec.validate:
        yield "dnssec.validate is off: forged answers are not noticed"
    if config.warm and (config.outgoing.metered or not config.resolution.prefetch):
        yield (
            "[[warm]] names are not kept warm: outgoing.metered, or resolution.prefetch = false, "
            "has nothing fetched ahead of need"
        )
    if config.cache.clock == "realtime":
        yield 'cache.clock = "realtime" is for tests: a clock that is set moves every TTL'


def old_spellings(config: Config) -> Iterator[str]:
    """What this version still understands, and a later one will not: one sentence each."""
    if isinstance(config.log.queries, bool):
        was = str(config.log.queries).lower()
        yield f'log.queries = {was} is an old spelling of "{config.log.kept}"'


def _missing_features(config: Config) -> Iterator[Fault]:
    for key, off in NOT_YET.items():
        yield from _missing(config, key, off)


@as_far_as_known
def _missing(config: Config, key: str, off: tuple[object, ...]) -> Iterator[Fault]:
    section, _, field = key.partition(".")
    tables = getattr(config, section)
    for number, table in enumerate(tables if isinstance(tables, tuple) else (tables,)):
        value = getattr(table, field)
        if value not in off:
            where = f"{section}[{number}].{field}" if isinstance(tables, tuple) else key
            wanted = " or ".join(str(item).lower() for item in off)
            expected = f"{wanted}: this version can do nothing else yet"
            yield Fault(where, value, expected, Kind.NOT_YET)


def _network(config: Config) -> Iterator[Fault]:
    whose = config.network.forward_zones
    if whose in ("resolved", "networkmanager") and (missing := extra_missing("network")):
        yield Fault("network.forward_zones", whose, f'"off", or {missing}')


def _otel(config: Config) -> Iterator[Fault]:
    endpoint = config.otel.endpoint
    if not endpoint:
        return
    try:
        url = urlsplit(endpoint)
        is_right = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        yield Fault("otel.endpoint", endpoint, 'a URL such as "http://127.0.0.1:4318"')
    elif missing := extra_missing("otel"):
        yield Fault("otel.endpoint", endpoint, f'"", or {missing}')


def _dnstap(config: Config) -> Iterator[Fault]:
    to = config.dnstap.to
    if not to:
        return
    yield from each("dnstap.to", (to,), tap_target)
    if missing := extra_missing("dnstap"):
        yield Fault("dnstap.to", to, f'"", or {missing}')


def _keys(config: Config) -> Iterator[Fault]:
    tls = config.tls
    certificates, keys = listed(tls.certificate), listed(tls.key)
    if keys and len(keys) != len(certificates):
        expected = f"one key for each tls.certificate, of which there are {len(certificates)}"
        yield Fault("tls.key", tls.key, expected)


def _tls_names(config: Config) -> Iterator[Fault]:
    yield from each("tls.names", config.tls.names, _host_name)


def _https(config: Config) -> Iterator[Fault]:
    yield from each("https.paths", config.https.paths, listen_urls.http_path)


def _https_path(config: Config) -> Iterator[Fault]:
    wanted = [text for text in config.server.listen if text.startswith("https://")]
    if wanted and not config.https.paths and all(text.count("/") == _SLASHES for text in wanted):
        yield Fault("https.paths", [], "at least one path, or one in server.listen")


_SLASHES = 2  # of a URL without a path


def listed(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    """One path, or several, or none, as a list."""
    if isinstance(texts, str):
        return (texts,) if texts else ()
    return texts


def _host_name(text: str) -> str:
    """*text*, if certificates and clients can have it for a name, or address. Raises ValueError."""
    if is_address(text):
        return text
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(text) > _LONGEST_HOST:
        raise ValueError('a host name such as "dns.example.net", an IDN as xn--')
    return text


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_LONGEST_HOST = 253


def _outgoing(config: Config) -> Iterator[Fault]:
    outgoing = config.outgoing
    if not outgoing.ipv4 and not outgoing.ipv6:
        yield Fault(
            "outgoing.ipv6", outgoing.ipv6, "true, or outgoing.ipv4 = true: nothing can be asked"
        )


def _sources(config: Config) -> Iterator[Fault]:
    texts = config.outgoing.source_addresses
    yield from each("outgoing.source_addresses", texts, endpoints.source)


def _warm(config: Config) -> Iterator[Fault]:
    for number, entry in enumerate(config.warm):
        yield from _warm_name(f"warm[{number}]", entry)
        yield from _warm_types(f"warm[{number}]", entry)


@as_far_as_known
def _warm_name(here: str, entry: Warm) -> Iterator[Fault]:
    try:
        names.from_text(entry.name)
    except ValueError:
        yield Fault(f"{here}.name", entry.name, 'a domain name such as "www.example.com"')


@as_far_as_known
def _warm_types(here: str, entry: Warm) -> Iterator[Fault]:
    if not entry.types:
        yield Fault(f"{here}.types", [], "at least one type")
    yield from each(f"{here}.types", entry.types, _plain_type)


def _plain_type(text: str) -> int:
    """The number of a type that records can have. Raises ValueError."""
    expected = 'a record type such as "A", "MX" or "TYPE65"'
    try:
        number = type_number(text)
    except ValueError:
        raise ValueError(expected) from None
    if not number or number in META_TYPES:
        raise ValueError(expected)
    return number


def _ttls(config: Config) -> Iterator[Fault]:
    cache = config.cache
    if cache.min_ttl > cache.max_ttl:
        yield Fault("cache.min_ttl", cache.min_ttl, f"at most cache.max_ttl ({cache.max_ttl})")


def _negative_ttls(config: Config) -> Iterator[Fault]:
    cache = config.cache
    if cache.min_negative_ttl > cache.max_negative_ttl:
        wanted = f"at most cache.max_negative_ttl ({cache.max_negative_ttl})"
        yield Fault("cache.min_negative_ttl", cache.min_negative_ttl, wanted)


def _negative_anchors(config: Config) -> Iterator[Fault]:
    for entry in config.dnssec.negative_trust_anchors:
        text = entry.name if isinstance(entry, NegativeAnchor) else entry
        try:
            names.from_text(text)
        except ValueError:
            yield Fault("dnssec.negative_trust_anchors", text, "a domain name")


def _rfc5011(config: Config) -> Iterator[Fault]:
    if config.dnssec.rfc5011 and not config.working_directory:
        yield Fault(
            "dnssec.rfc5011", config.dnssec.rfc5011, "a working_directory to keep its state in"
        )


def _root_sources(config: Config) -> Iterator[Fault]:
    yield from each("root.sources", config.root.sources, endpoints.askable)


def _root_copy(config: Config) -> Iterator[Fault]:
    root = config.root
    if root.local is True and not config.working_directory:
        yield Fault("root.local", True, "a working_directory to keep the copy in")  # noqa: FBT003
    if root.local is True and not config.dnssec.validate:
        expected = "dnssec.validate = true: the copy is believed for its signatures"
        yield Fault("root.local", True, expected)  # noqa: FBT003


def _control_socket(config: Config) -> Iterator[Fault]:
    text = config.control.socket
    if len(os.fsencode(working_path(config, text))) > limits.CONTROL_PATH_OCTETS:
        expected = f"a path of at most {limits.CONTROL_PATH_OCTETS} octets"
        yield Fault("control.socket", text, expected)


def _admins(config: Config) -> Iterator[Fault]:
    for who in config.control.admins:
        if isinstance(who, int) and not 0 <= who < _NO_ACCOUNT:
            yield Fault("control.admins", who, "the number of an account")


_NO_ACCOUNT = 0xFFFFFFFF  # (uid_t) -1


def _query_log(config: Config) -> Iterator[Fault]:
    if config.log.kept != "off" and not config.working_directory:
        yield Fault("log.queries", config.log.queries, "a working_directory to keep the log in")


def _directory(config: Config) -> Iterator[Fault]:
    directory = config.working_directory
    if directory:
        yield from unlike("working_directory", directory, Path(directory), Path.is_dir)


def _files(config: Config) -> Iterator[Fault]:
    for number, entry in enumerate(config.forward):
        yield from _file(config, f"forward[{number}].ca_file", partial(getattr, entry, "ca_file"))
    yield from _file(config, "root.hints_file", lambda: config.root.hints_file)
    yield from _file(config, "dnssec.trust_anchors_file", lambda: config.dnssec.trust_anchors_file)
    yield from _file(config, "tls.certificate", lambda: config.tls.certificate)
    yield from _file(config, "tls.key", lambda: config.tls.key)


@as_far_as_known
def _file(config: Config, key: str, texts: Callable[[], str | tuple[str, ...]]) -> Iterator[Fault]:
    """A relative one is only looked for where its directory is there."""
    for text in listed(texts()):
        if Path(text).is_absolute() or not list(_directory(config)):
            yield from unlike(key, text, working_path(config, text), Path.is_file)


_LOOKS: Final = (
    _missing_features,
    memory_faults,
    server_faults,
    _keys,
    _tls_names,
    _https,
    _https_path,
    _outgoing,
    _sources,
    zone_faults,
    forward_faults,
    address_faults,
    _warm,
    view_faults,
    local_faults,
    rewrite_faults,
    rpz_faults,
    _ttls,
    _negative_ttls,
    _negative_anchors,
    _rfc5011,
    _root_sources,
    _root_copy,
    _control_socket,
    _admins,
    faults_of_page,
    list_faults,
    _query_log,
    _network,
    _dnstap,
    _otel,
    faults_of_valkey,
    _directory,
    _files,
)
