"""What the words of a scenario's configuration head mean for this resolver.

Words that choose between behaviours that we do not offer apart (how many addresses are fetched
ahead, say) are listed as *without effect*: knowing them is the point. Words of features that are
not built are noted in `Head.needs`: such a file counts as failed, never as passed.
"""

from __future__ import annotations

import calendar
import time
import tomllib
from typing import TYPE_CHECKING, TypeAlias

from resolver.lab.faults import canonical
from resolver.limits import STALE_AFTER_SECONDS_RANGE
from tests.simulation.scenario_address_words import ADDRESS_WORDS
from tests.simulation.scenario_local import LOCAL_WORDS, VIEW_WORDS
from tests.simulation.scenario_model import ConfiguredZone
from tests.simulation.scenario_policy import RPZ_WORDS, address_data, by_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.scenario_model import Head

    Word: TypeAlias = Callable[[Head, str], None]

WORDS_FOR = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
EPOCH = 0.0


def truth(value: str) -> bool:
    if value.lower() not in WORDS_FOR:
        raise ValueError(f"{value!r} is neither on nor off")
    return WORDS_FOR[value.lower()]


def wall_of(text: str) -> float:
    """YYYYMMDDhhmmss in UTC, or seconds since 1970: both words are seen with both."""
    if len(text) == len("YYYYMMDDhhmmss"):
        return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S")))
    return float(text)


# --- words of `server:` and of no clause ----------------------------------------------------------


def _switch(section: str, key: str, *, inverted: bool = False) -> Word:
    return lambda head, value: head.set(section, key, truth(value) is not inverted)


def _number(section: str, key: str) -> Word:
    return lambda head, value: head.set(section, key, int(value))


def _text(section: str, key: str) -> Word:
    return lambda head, value: head.set(section, key, value)


def _hidden(key: str) -> Word:
    """A text of the server that is told to nobody, whatever else the file says of it."""

    def hide(head: Head, value: str) -> None:
        if truth(value):
            head.hidden.append(key)

    return hide


def _no_effect(head: Head, value: str) -> None:
    del head, value


def _unbuilt(feature: str) -> Word:
    return lambda head, _: head.need(feature)


def _unbuilt_if_on(feature: str) -> Word:
    def judge(head: Head, value: str) -> None:
        if truth(value):
            head.need(feature)

    return judge


def _root_address(head: Head, value: str) -> None:
    head.root_addresses.append(canonical(value.partition("@")[0]))


def _root_name(head: Head, value: str) -> None:
    head.root_name = value.rstrip(".") + "."


def _forward_all(head: Head, value: str) -> None:
    zones = [zone for zone in head.zones if (zone.kind, zone.zone) == ("forward", ".")]
    if not zones:
        zones = [ConfiguredZone("forward", ".")]
        head.zones += zones
    zones[0].addresses.append(_endpoint(value))


def _anchor(head: Head, value: str) -> None:
    head.trust_anchors.append(value.partition(";")[0].strip())


def _insecure(head: Head, value: str) -> None:
    head.insecure.append(value)


def _minimise(head: Head, value: str) -> None:
    head.minimise = truth(value)


def _minimal(head: Head, value: str) -> None:
    head.has_full_answers = not truth(value)


def _wall(head: Head, value: str) -> None:
    head.wall = wall_of(value)


def _features(head: Head, value: str) -> None:
    """`min_ttl = 300` and `max_ttl = 600`, several with commas between."""
    for feature in value.split(","):
        key, _, number = feature.partition("=")
        if key.strip() not in {"min_ttl", "max_ttl"}:
            raise ValueError(f"unknown feature {key.strip()!r}")
        head.set("cache", key.strip(), int(number))


def _reaches(head: Head, value: str) -> None:
    head.reaches.extend(value.split())


def _set(head: Head, value: str) -> None:
    """Our own: `set: section.key = value`, any key of the configuration file, value as in TOML.

    Arrays of tables likewise: `set: forward = [{zone = "example.", addresses = ["192.0.2.1"]}]`.
    """
    for section, setting in tomllib.loads(value).items():
        if isinstance(setting, dict):
            for key, one in setting.items():
                head.set(section, key, one)
        else:
            head.arrays.setdefault(section, []).extend(setting)


def _stale_after(head: Head, value: str) -> None:
    """Milliseconds. 0 would be what is over first, which is done in no case: the default stays."""
    if int(value):
        head.set("resolution", "stale_after", max(int(value) / 1000, STALE_AFTER_SECONDS_RANGE[0]))


def _access(head: Head, value: str) -> None:
    """Everybody may ask, and look into the cache, unless the file says otherwise."""
    network, _, action = value.partition(" ")
    match action.strip():
        case "allow" | "allow_snoop" | "allow_setrd" as plain:
            if plain == "allow_setrd":
                head.need("clients whose RD is set for them")
            head.access.append((network.strip('"'), "allow"))
        case "refuse":
            head.access.append((network.strip('"'), "refuse"))
        case "deny":
            head.need("clients who are dropped")
        case "allow_cookie":
            head.need("cookies demanded of clients")
        case other:
            raise ValueError(f"unknown action {other!r}")


def _modules(head: Head, value: str) -> None:
    """Without the validator nothing is validated."""
    known = {"validator", "iterator", "respip", "dns64"}
    modules = value.split()
    if "validator" not in modules:
        head.set("dnssec", "validate", value=False)
    for module in modules:
        if module not in known:
            head.need(f"the module {module}")


def _cookie_secret(head: Head, value: str) -> None:
    """The cookies in such files carry times counted from the file's own start."""
    head.set("server", "cookie_secret", value)
    if head.wall is None:
        head.wall = EPOCH


# --- words of zones -------------------------------------------------------------------------------


def _zone_of(head: Head) -> ConfiguredZone:
    if head.open_zone is None:
        raise ValueError("outside a zone")
    return head.open_zone


def _name(head: Head, value: str) -> None:
    _zone_of(head).zone = value


def _zone_address(head: Head, value: str) -> None:
    _zone_of(head).addresses.append(_endpoint(value))


def _zone_switch(key: str) -> Word:
    def switch(head: Head, value: str) -> None:
        if truth(value):
            _zone_of(head).settings[key] = True

    return switch


def _endpoint(text: str) -> str:
    """`192.0.2.1@5353#name` as we write it: "192.0.2.1:5353"; the name is that of TLS."""
    host, _, port = text.partition("#")[0].partition("@")
    host = canonical(host)
    if not port:
        return host
    return f"[{host}]:{int(port)}" if ":" in host else f"{host}:{int(port)}"


STUB_WORDS: dict[str, Word] = {
    "name": _name,
    "stub-addr": _zone_address,
    "stub-name": _root_name,
    "stub-host": _unbuilt("servers of a stub zone by name"),
    "stub-prime": _zone_switch("prime"),
    "stub-first": _zone_switch("first"),
    "stub-no-cache": _unbuilt_if_on("zones that are not cached"),
    "stub-tcp-upstream": _unbuilt_if_on("servers asked over TCP only"),
    "stub-tls-upstream": _unbuilt_if_on("servers asked over TLS"),
    "stub-ssl-upstream": _unbuilt_if_on("servers asked over TLS"),
}
FORWARD_WORDS: dict[str, Word] = {
    "name": _name,
    "forward-addr": _zone_address,
    "forward-host": _unbuilt("forwarders by name"),
    "forward-first": _zone_switch("first"),
    "forward-no-cache": _unbuilt_if_on("zones that are not cached"),
    "forward-tcp-upstream": _unbuilt_if_on("servers asked over TCP only"),
    "forward-tls-upstream": _unbuilt_if_on("servers asked over TLS"),
    "forward-ssl-upstream": _unbuilt_if_on("servers asked over TLS"),
}


def _primary(head: Head, value: str) -> None:
    if value.rstrip(".").rpartition(".")[2].isalpha():
        head.need("primaries by name")
    else:
        _zone_address(head, value)


COPY_WORDS: dict[str, Word] = {
    "name": _name,
    "master": _primary,
    "zonefile": _no_effect,  # it stands in the head, or is nowhere yet
    "zonemd-check": _zone_switch("verified"),
    "zonemd-reject-absence": _no_effect,  # always done
    "for-upstream": _no_effect,
    "for-downstream": _no_effect,
    "fallback-enabled": _no_effect,
    "allow-notify": _no_effect,
}


class _Anything(dict[str, "Word"]):
    """The words below a clause whose feature is not built: none of them can be got wrong."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Word:
        return _no_effect


# Words that say nothing about what is asserted here, or that choose what we do not offer apart.
_WITHOUT_EFFECT = (
    "target-fetch-policy",
    "harden-referral-path",  # never done: RFC 5452 §6 is met by scrubbing
    "harden-below-nxdomain",  # always done (RFC 8020)
    "harden-dnssec-stripped", "harden-short-bufsize", "harden-large-queries",
    "harden-unverified-glue", "harden-unknown-additional", "harden-algo-downgrade",
    "iter-scrub-promiscuous", "iter-scrub-ns", "iter-scrub-cname", "max-global-quota",
    "fake-sha1",  # real signatures are checked
    "trust-anchor-signaling",  # off, as the files want it
    "rrset-roundrobin",  # records are kept in the order received, and compared as sets
    "val-log-level", "val-max-restart", "log-servfail", "log-queries", "log-replies",
    "log-local-actions", "verbosity",
    "ede",  # always on
    "outbound-msg-retry", "num-queries-per-thread", "discard-timeout", "wait-limit",
    "msg-cache-size", "msg-cache-slabs", "rrset-cache-size", "rrset-cache-slabs",
    "infra-cache-slabs", "key-cache-slabs", "num-threads", "outgoing-range", "so-reuseport",
    "hide-trustanchor", "prefetch-key", "edns-tcp-keepalive", "use-syslog",
    "serve-expired-ttl-reset", "ede-serve-expired",  # a failure prolongs nothing; it is always told
    "dns64-synthall", "dns64-ignore-aaaa",  # AAAA records that there are are told
    "zonemd-permissive-mode",
)  # fmt: skip
_UNBUILT = {
    "local-data-ptr": "local data",
    "local-zone-override": "local zones",
    "response-ip-tag": "policy by address",
    "do-not-query-address": "servers that are never asked",
    "edns-client-string": "an option for one upstream",
    "edns-client-string-opcode": "an option for one upstream",
    "edns-tcp-keepalive-timeout": "a keepalive time of its own",
    "send-client-subnet": "client subnets",
    "client-subnet-zone": "client subnets",
    "max-client-subnet-ipv4": "client subnets",
}
_UNBUILT_IF_ON = {
    "serve-original-ttl": "original TTLs",
    "disable-edns-do": "queries without DO",
    "tcp-upstream": "servers asked over TCP only",
    "fake-dsa": "signatures of algorithm 3",
    "client-subnet-always-forward": "client subnets",
}
SERVER_WORDS: dict[str, Word] = {
    "stub-addr": _root_address,
    "stub-name": _root_name,
    "forward-addr": _forward_all,
    "trust-anchor": _anchor,
    "domain-insecure": _insecure,
    "query-minimization": _minimise,
    "qname-minimisation": _minimise,
    "val-override-date": _wall,
    "val-override-timestamp": _wall,
    "do-ip4": _switch("outgoing", "ipv4"),
    "dns-error-reporting": _switch("outgoing", "error_reporting"),
    "do-ip6": _switch("outgoing", "ipv6"),
    "do-not-query-localhost": _switch("outgoing", "do_not_query_localhost"),
    "harden-glue": _switch("resolution", "harden_glue"),
    "use-caps-for-id": _switch("outgoing", "query_case_randomization"),
    "cache-min-ttl": _number("cache", "min_ttl"),
    "cache-max-ttl": _number("cache", "max_ttl"),
    "cache-max-negative-ttl": _number("cache", "max_negative_ttl"),
    "cache-min-negative-ttl": _number("cache", "min_negative_ttl"),
    "prefetch": _switch("resolution", "prefetch"),
    "serve-expired": _switch("resolution", "serve_stale"),
    "serve-expired-ttl": _number("cache", "stale_max"),
    "serve-expired-reply-ttl": _number("resolution", "stale_ttl"),
    "serve-expired-client-timeout": _stale_after,
    "aggressive-nsec": _switch("dnssec", "aggressive_nsec"),
    "minimal-responses": _minimal,
    "root-key-sentinel": _switch("dnssec", "root_key_sentinel"),
    "module-config": _modules,
    **LOCAL_WORDS,
    "access-control": _access,
    "response-ip": by_address,
    "response-ip-data": address_data,
    "answer-cookie": _switch("server", "cookies"),
    "cookie-secret": _cookie_secret,
    "nsid": _text("server", "nsid"),
    "identity": _text("server", "identity"),
    "version": _text("server", "version"),
    "hide-identity": _hidden("identity"),
    "hide-version": _hidden("version"),
    "features": _features,
    "reaches": _reaches,
    "set": _set,
    **ADDRESS_WORDS,
    **dict.fromkeys(_WITHOUT_EFFECT, _no_effect),
    **{word: _unbuilt(feature) for word, feature in _UNBUILT.items()},
    **{word: _unbuilt_if_on(feature) for word, feature in _UNBUILT_IF_ON.items()},
}
# Clause → its words, the kind of zone that it configures, and the feature it needs if not built.
CLAUSES: dict[str, tuple[dict[str, Word], str, str]] = {
    "server": (SERVER_WORDS, "", ""),
    "stub-zone": (STUB_WORDS, "stub", ""),
    "forward-zone": (FORWARD_WORDS, "forward", ""),
    "auth-zone": (COPY_WORDS, "copy", ""),
    "view": (VIEW_WORDS, "", ""),
    "rpz": (RPZ_WORDS, "rpz", ""),
    "remote-control": (_Anything(), "", ""),
    "cachedb": (_Anything(), "", "a cache database"),
    "dnstap": (_Anything(), "", ""),
}
