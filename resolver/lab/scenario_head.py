"""What the words of a scenario's configuration head mean for this resolver.

The head speaks unbound.conf. Words that choose between behaviours that we do not offer apart (how
many addresses are fetched ahead, say) are listed as *without effect*: knowing them is the point, a
new word is an error.
"""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING

from resolver.lab.network import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.lab.scenario_model import Head

WORDS_FOR = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def truth(value: str) -> bool:
    if value.lower() not in WORDS_FOR:
        raise ValueError(f"{value!r} is neither on nor off")
    return WORDS_FOR[value.lower()]


def wall_of(text: str) -> float:
    """YYYYMMDDhhmmss in UTC, or seconds since 1970: both words are seen with both."""
    if len(text) == len("YYYYMMDDhhmmss"):
        return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S")))
    return float(text)


def _switch(section: str, key: str) -> Callable[[Head, str], None]:
    return lambda head, value: head.set(section, key, truth(value))


def _number(section: str, key: str) -> Callable[[Head, str], None]:
    return lambda head, value: head.set(section, key, int(value))


def _stub_address(head: Head, value: str) -> None:
    head.root_addresses.append(canonical(value.partition("@")[0]))


def _stub_name(head: Head, value: str) -> None:
    head.root_name = value.rstrip(".") + "."


def _forward_address(head: Head, value: str) -> None:
    head.forward_addresses.append(canonical(value.partition("@")[0]))


def _anchor(head: Head, value: str) -> None:
    head.trust_anchors.append(value)


def _insecure(head: Head, value: str) -> None:
    head.insecure.append(value)


def _minimise(head: Head, value: str) -> None:
    head.minimise = truth(value)


def _wall(head: Head, value: str) -> None:
    head.wall = wall_of(value)


def _features(head: Head, value: str) -> None:
    """`min_ttl = 300` and `max_ttl = 600`, several with commas between."""
    for feature in value.split(","):
        key, _, number = feature.partition("=")
        if key.strip() not in {"min_ttl", "max_ttl"}:
            raise ValueError(f"unknown feature {key.strip()!r}")
        head.set("cache", key.strip(), int(number))


def _localhost(head: Head, value: str) -> None:
    head.set("outgoing", "do_not_query_localhost", truth(value))


def _reaches(head: Head, value: str) -> None:
    head.reaches.extend(value.split())


def _set(head: Head, value: str) -> None:
    """Our own: `set: section.key = value`, any key of the configuration file, value as in TOML.

    Arrays of tables likewise: `set: forward = [{zone = "example.", addresses = ["192.0.2.1"]}]`.
    """
    import tomllib  # noqa: PLC0415

    for section, setting in tomllib.loads(value).items():
        if isinstance(setting, dict):
            for key, one in setting.items():
                head.set(section, key, one)
        else:
            head.arrays.setdefault(section, []).extend(setting)


def _no_effect(head: Head, value: str) -> None:
    del head, value


HEAD_WORDS: dict[str, Callable[[Head, str], None]] = {
    "stub-addr": _stub_address,
    "stub-name": _stub_name,
    "forward-addr": _forward_address,
    "trust-anchor": _anchor,
    "domain-insecure": _insecure,
    "query-minimization": _minimise,
    "qname-minimisation": _minimise,
    "val-override-date": _wall,
    "val-override-timestamp": _wall,
    "do-ip4": _switch("outgoing", "ipv4"),
    "do-ip6": _switch("outgoing", "ipv6"),
    "do-not-query-localhost": _localhost,
    "harden-glue": _switch("resolution", "harden_glue"),
    "use-caps-for-id": _switch("outgoing", "query_case_randomization"),
    "cache-min-ttl": _number("cache", "min_ttl"),
    "cache-max-ttl": _number("cache", "max_ttl"),
    "cache-max-negative-ttl": _number("cache", "max_negative_ttl"),
    "aggressive-nsec": _switch("dnssec", "aggressive_nsec"),
    "minimal-responses": _switch("server", "minimal_responses"),
    "root-key-sentinel": _switch("dnssec", "root_key_sentinel"),
    "features": _features,
    "reaches": _reaches,
    "set": _set,
    # Headings, and choices that we do not offer apart.
    "server": _no_effect,
    "stub-zone": _no_effect,
    "forward-zone": _no_effect,
    "name": _no_effect,
    "target-fetch-policy": _no_effect,
    "harden-referral-path": _no_effect,  # never done: RFC 5452 §6 is met by scrubbing
    "harden-below-nxdomain": _no_effect,  # always done (RFC 8020)
    "fake-sha1": _no_effect,  # real signatures are checked
    "trust-anchor-signaling": _no_effect,  # off, as the files want it
    "rrset-roundrobin": _no_effect,  # records are kept in the order received
    "val-log-level": _no_effect,
    "log-servfail": _no_effect,
    "ede": _no_effect,  # always on
    "outbound-msg-retry": _no_effect,
}
