"""What no type can say: values that contradict each other, and what is allowed but unwise.

Pure but for looking whether named files can be read. `faults` stop a start, `advice` does not.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from resolver import limits
from resolver.config import endpoints, listen_urls, octets
from resolver.config.check_addresses import address_faults
from resolver.config.check_forwards import forward_advice, forward_faults
from resolver.config.check_lists import list_advice, list_faults
from resolver.config.check_local import local_faults, rewrite_faults
from resolver.config.check_rpz import rpz_advice, rpz_faults
from resolver.config.check_views import view_advice, view_faults
from resolver.config.check_web import faults_of_page, whole_place
from resolver.config.extras import extra_missing
from resolver.config.fault import Fault
from resolver.config.files import unlike, working_path
from resolver.config.forwarders import forwarders_of
from resolver.config.schema import NOT_YET, Forward, NegativeAnchor
from resolver.config.tap_target import tap_target
from resolver.errors import Kind
from resolver.protocol import names
from resolver.protocol.codes import META_TYPES, type_number
from resolver.protocol.ip_addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from resolver.config.schema import Config, Zone


def faults(config: Config) -> Iterator[Fault]:
    """Everything that makes *config* unusable."""
    yield from _missing_features(config)
    yield from _server(config)
    yield from _tls(config)
    yield from _https(config)
    yield from _outgoing(config)
    yield from _zones(config)
    yield from forward_faults(config)
    yield from address_faults(config)
    yield from _warm(config)
    yield from view_faults(config)
    yield from local_faults(config)
    yield from rewrite_faults(config)
    yield from rpz_faults(config)
    yield from _caches(config)
    yield from _dnssec(config)
    yield from _root(config)
    yield from _control(config)
    yield from faults_of_page(config)
    yield from list_faults(config)
    if config.log.kept != "off" and not config.working_directory:
        yield Fault("log.queries", config.log.queries, "a working_directory to keep the log in")
    yield from _network(config)
    yield from _dnstap(config)
    yield from _otel(config)
    yield from _files(config)


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


def _server(config: Config) -> Iterator[Fault]:
    server = config.server
    if not server.listen:
        yield Fault("server.listen", [], "at least one address")
    yield from _each("server.listen", server.listen, listen_urls.spoken_here)
    yield from _overlaps(config)
    yield from _each("server.allow_from", server.allow_from, endpoints.network)
    for key in ("version", "identity", "nsid"):
        text = getattr(server, key)
        told = octets.nsid(text) if key == "nsid" else text.encode()
        if len(told) > _LONGEST_STRING:
            yield Fault(f"server.{key}", text, f"at most {_LONGEST_STRING} octets")
    secret = server.cookie_secret
    if secret and not octets.is_secret(secret):
        yield Fault("server.cookie_secret", "(not shown)", "32 hexadecimal digits")
    if config.metrics.listen:
        yield from _each("metrics.listen", (config.metrics.listen,), endpoints.listenable)


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
    yield from _each("dnstap.to", (to,), tap_target)
    if missing := extra_missing("dnstap"):
        yield Fault("dnstap.to", to, f'"", or {missing}')


def _tls(config: Config) -> Iterator[Fault]:
    tls = config.tls
    certificates, keys = listed(tls.certificate), listed(tls.key)
    if keys and len(keys) != len(certificates):
        expected = f"one key for each tls.certificate, of which there are {len(certificates)}"
        yield Fault("tls.key", tls.key, expected)
    yield from _each("tls.names", tls.names, _host_name)


def _https(config: Config) -> Iterator[Fault]:
    yield from _each("https.paths", config.https.paths, listen_urls.http_path)
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
    """*text*, if certificates and clients can have it for a name. Raises ValueError."""
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(text) > _LONGEST_HOST:
        raise ValueError('a host name such as "dns.example.net", an IDN as xn--')
    return text


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_LONGEST_HOST = 253
_LONGEST_STRING = 255  # a character-string of TXT (RFC 1035 §3.3)


def _outgoing(config: Config) -> Iterator[Fault]:
    outgoing = config.outgoing
    if not outgoing.ipv4 and not outgoing.ipv6:
        yield Fault(
            "outgoing.ipv6", outgoing.ipv6, "true, or outgoing.ipv4 = true: nothing can be asked"
        )
    yield from _each("outgoing.source_addresses", outgoing.source_addresses, endpoints.source)


def _zones(config: Config) -> Iterator[Fault]:
    seen: dict[bytes, str] = {}
    tables: list[tuple[str, int, Zone]] = [
        ("forward", number, entry) for number, entry in enumerate(config.forward)
    ]
    tables += [("stub", number, entry) for number, entry in enumerate(config.stub)]
    for kind, number, entry in tables:
        here = f"{kind}[{number}]"
        try:
            zone = names.from_text(entry.zone)
        except ValueError:
            yield Fault(f"{here}.zone", entry.zone, 'a domain name such as "example.com"')
            continue
        if zone in seen:
            yield Fault(f"{here}.zone", entry.zone, f"a zone once only; {seen[zone]} has it")
        seen[zone] = f"{kind} {entry.zone}"
        if kind == "stub":
            if not entry.addresses:
                yield Fault(f"{here}.addresses", [], "at least one address")
            yield from _each(f"{here}.addresses", entry.addresses, endpoints.askable)
        hosts = hosts_of(entry)
        if hosts and not any(map(_families(config), hosts)):
            yield Fault(
                f"{here}.addresses",
                list(entry.addresses),
                "one address at least of a family that [outgoing] has not switched off",
            )


def _warm(config: Config) -> Iterator[Fault]:
    for number, entry in enumerate(config.warm):
        here = f"warm[{number}]"
        try:
            names.from_text(entry.name)
        except ValueError:
            yield Fault(f"{here}.name", entry.name, 'a domain name such as "www.example.com"')
        if not entry.types:
            yield Fault(f"{here}.types", [], "at least one type")
        yield from _each(f"{here}.types", entry.types, _plain_type)


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


def _families(config: Config) -> Callable[[str], bool]:
    outgoing = config.outgoing
    return lambda host: outgoing.ipv6 if ":" in host else outgoing.ipv4


def hosts_of(entry: Zone) -> list[str]:
    """The addresses that a table names; none if one of them is wrong, which is told elsewhere."""
    try:
        return [host for host, _ in servers_of(entry)]
    except ValueError:
        return []


def servers_of(entry: Zone) -> list[endpoints.Endpoint]:
    """Address and port of all that a table names. Raises ValueError."""
    if isinstance(entry, Forward):
        return [one.where for one in forwarders_of(entry)]
    return [endpoints.askable(text) for text in entry.addresses]


def _caches(config: Config) -> Iterator[Fault]:
    cache = config.cache
    if cache.min_ttl > cache.max_ttl:
        yield Fault("cache.min_ttl", cache.min_ttl, f"at most cache.max_ttl ({cache.max_ttl})")
    if cache.min_negative_ttl > cache.max_negative_ttl:
        wanted = f"at most cache.max_negative_ttl ({cache.max_negative_ttl})"
        yield Fault("cache.min_negative_ttl", cache.min_negative_ttl, wanted)


def _dnssec(config: Config) -> Iterator[Fault]:
    for entry in config.dnssec.negative_trust_anchors:
        text = entry.name if isinstance(entry, NegativeAnchor) else entry
        try:
            names.from_text(text)
        except ValueError:
            yield Fault("dnssec.negative_trust_anchors", text, "a domain name")
    if config.dnssec.rfc5011 and not config.working_directory:
        yield Fault(
            "dnssec.rfc5011", config.dnssec.rfc5011, "a working_directory to keep its state in"
        )


def _root(config: Config) -> Iterator[Fault]:
    root = config.root
    yield from _each("root.sources", root.sources, endpoints.askable)
    if root.local is True and not config.working_directory:
        yield Fault("root.local", True, "a working_directory to keep the copy in")  # noqa: FBT003
    if root.local is True and not config.dnssec.validate:
        expected = "dnssec.validate = true: the copy is believed for its signatures"
        yield Fault("root.local", True, expected)  # noqa: FBT003


def _control(config: Config) -> Iterator[Fault]:
    text = config.control.socket
    if len(os.fsencode(working_path(config, text))) > limits.CONTROL_PATH_OCTETS:
        expected = f"a path of at most {limits.CONTROL_PATH_OCTETS} octets"
        yield Fault("control.socket", text, expected)
    for who in config.control.admins:
        if isinstance(who, int) and not 0 <= who < _NO_ACCOUNT:
            yield Fault("control.admins", who, "the number of an account")


_NO_ACCOUNT = 0xFFFFFFFF  # (uid_t) -1


def _files(config: Config) -> Iterator[Fault]:
    directory = config.working_directory
    if directory:
        found = list(unlike("working_directory", directory, Path(directory), Path.is_dir))
        yield from found
        if found:
            return
    readable = [
        ("root.hints_file", config.root.hints_file),
        ("dnssec.trust_anchors_file", config.dnssec.trust_anchors_file),
        *((f"forward[{at}].ca_file", entry.ca_file) for at, entry in enumerate(config.forward)),
        *(("tls.certificate", text) for text in listed(config.tls.certificate)),
        *(("tls.key", text) for text in listed(config.tls.key)),
    ]
    for key, text in readable:
        if text:
            yield from unlike(key, text, working_path(config, text), Path.is_file)


def _each(key: str, texts: Sequence[str], read: Callable[[str], object]) -> Iterator[Fault]:
    for text in texts:
        try:
            read(text)
        except ValueError as error:
            yield Fault(key, text, str(error))


def _overlaps(config: Config) -> Iterator[Fault]:
    """Listening addresses that only one socket can have, however they are spelled."""
    wanted = [("server.listen", text) for text in config.server.listen]
    pages = {"metrics.listen": config.metrics.listen, "web.listen": whole_place(config.web.listen)}
    wanted += [(key, text) for key, text in pages.items() if text]
    taken: list[tuple[str, listen_urls.ListenUrl]] = []
    for key, text in wanted:
        try:
            url = listen_urls.listen_url(f"tcp://{text}" if key in pages else text)
        except ValueError:
            continue  # told already
        for other, there in taken:
            if is_same_port(url.where, there.where) and url.sockets & there.sockets:
                expected = f"each address once; {other} has {endpoints.show(there.where)}"
                yield Fault(key, text, expected)
                break
        taken.append((key, url))


def is_same_port(one: endpoints.Endpoint, other: endpoints.Endpoint) -> bool:
    """True if one is the other, or all addresses of its family."""
    if one[1] != other[1] or (":" in one[0]) != (":" in other[0]):
        return False
    return one[0] == other[0] or not {one[0], other[0]}.isdisjoint(_EVERY)


_EVERY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to recognise them


def is_own(config: Config, where: endpoints.Endpoint, *, is_here: Callable[[str], bool]) -> bool:
    """True if *where* is an address that this resolver itself listens on.

    *is_here* tells whether a host is one of this machine's addresses.
    """
    ours = [listen_urls.listen_url(text).where for text in config.server.listen]
    return where in ours or any(
        other[0] in _EVERY and is_same_port(other, where) and is_here(where[0]) for other in ours
    )
