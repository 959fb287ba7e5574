"""Another program's configuration, given to us by mistake or in hope: whose it is, by its form.

Pure. Only asked where a file is no configuration of ours, so that a guess costs nobody anything.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_UNBOUND: Final = "docs/from-unbound.md says what its keys are called here"
_PIHOLE: Final = "docs/from-pihole.md says what takes its place"
_KEYS: Final = "docs/configuration.md has the keys"


class _Form(NamedTuple):
    """*signs*: a line that begins with one of them gives it away."""

    whose: str
    signs: re.Pattern[str]
    page: str


def _lines(*signs: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?:{'|'.join(signs)})", re.MULTILINE)


# The first that fits counts: what is most its own stands first.
_FORMS: Final = (
    _Form("Unbound's form", _lines(r"(?:forward|stub|auth)-zone:", r"remote-control:", r"rpz:",
          r"server:\s+(?:#[^\n]*\s+)*[a-z0-9-]+:[ \t]", r"(?:interface|access-control|verbosity|"
          r"root-hints|local-zone|local-data|num-threads|auto-trust-anchor-file):[ \t]"), _UNBOUND),
    _Form("AdGuard Home's form (YAML)", _lines("upstream_dns:", "bootstrap_dns:"), _KEYS),
    _Form("Pi-hole's form", _lines(r"PIHOLE_[A-Z_0-9]+=", r"\[(?:webserver|dns\.reply|dhcp|ntp)\b",
          r"upstreams\s*=\s*\["), _PIHOLE),
    _Form("dnsmasq's form", _lines(r"server=[/\d]", r"address=/", r"local=/", r"no-resolv\s*$",
          r"domain-needed\s*$", r"bogus-priv\s*$", r"cache-size=", r"listen-address=",
          r"dhcp-[a-z]+=", r"interface=\w"), _PIHOLE),
    _Form("BIND's form (named.conf)", _lines(r"(?:options|logging|controls)\s*\{",
          r"(?:zone|view|acl|key|masters|primaries)\s+\S+[^\n]*\{", r"\};?\s*;", r'include\s+"'),
          _KEYS),
    _Form("Knot Resolver's form (Lua)", _lines(r"net\.listen\(", r"modules(?:\s*=|\.load)",
          r"policy\.add\(", r"trust_anchors\.", r"user\('"), _KEYS),
    _Form("CoreDNS's form (Corefile)", _lines(r"\S*\.?(?::\d+)?\s*\{\s*$"), _KEYS),
    _Form("systemd-resolved's form", _lines(r"\[Resolve\]"), "docs/resolv-conf.md is about it"),
    _Form("resolv.conf's form", _lines(r"nameserver[ \t]+\S"), "docs/resolv-conf.md is about it"),
    _Form("JSON", re.compile(r"\A\s*[{\[]\s*[\"{\]}]"), _KEYS),
    _Form("YAML", _lines(r"---\s*$", r"[A-Za-z_][\w.-]*:(?:[ \t]|$)"), _KEYS),
)  # fmt: skip


def whose(text: str) -> str:
    """The end of a sentence: whose form *text* is in, and which page helps; "" if nobody knows."""
    for form in _FORMS:
        if form.signs.search(text):
            return f"it is in {form.whose}; {form.page}"
    return ""
