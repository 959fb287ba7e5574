"""What stands behind the dollar sign of an adblock rule, as far as it is about DNS. Pure.

`$important`, `$badfilter`, `$dnstype`, `$denyallow`, `$client`, `$dnsrewrite`, and those that
change nothing for a name. AdGuard's documentation of its DNS syntax says what they mean.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final, NamedTuple

from resolver.policy.list_rewrite import rewrite_of
from resolver.policy.list_rules import Aside, Bad, Terms, key_of
from resolver.protocol.codes import type_number

# For browsers they narrow a rule down to what all of a name's traffic is; here they say nothing.
_NOTHING: Final = frozenset({"", "all", "document", "doc", "popup", "network", "match-case"})


class Modifiers(NamedTuple):
    """*terms* is None where there are none."""

    is_important: bool = False
    terms: Terms | None = None


def modifiers_of(text: str, *, allows: bool) -> Modifiers:
    """What *text*, which follows the dollar sign, says. Raises Bad, Aside."""
    is_important, found = False, dict[str, Any]()
    for one in split_unescaped(text, ","):
        name, is_set, value = one.strip().partition("=")
        if name == "important":
            is_important = True
        elif name == "badfilter" or (name in _NOTHING and not is_set):
            continue
        elif name == "dnsrewrite":
            found["rewrite"] = rewrite_of(value, allows=allows)
        elif name not in _READERS:
            raise Aside(f"modifier {name}")
        elif not value.strip():
            raise Bad(f"{name} of nothing")
        else:
            found |= _READERS[name](value)
    return Modifiers(is_important, Terms(**found) if found else None)


def split_unescaped(text: str, at: str) -> list[str]:
    r"""*text* in parts, at each *at* before which no backslash stands, and that is in no quotes."""
    parts, part, quote, escaped = list[str](), "", "", False
    for char in text:
        if escaped:
            part += char if char in (at, quote) and not quote else "\\" + char
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == quote:
            quote, part = "", part + char
        elif not quote and char in "'\"" and part[-1:] in ("", "=", "|", "~"):
            quote, part = char, part + char
        elif char == at and not quote:
            parts.append(part)
            part = ""
        else:
            part += char
    return [*parts, part + ("\\" if escaped else "")]


def _dnstype(value: str) -> dict[str, Any]:
    wanted, unwanted = list[int](), list[int]()
    for one in value.split("|"):
        word = one.strip()
        try:
            number = type_number(word.removeprefix("~").upper())
        except ValueError:
            raise Bad(f"no record type: {word[:20]}") from None
        (unwanted if word.startswith("~") else wanted).append(number)
    return {"types": tuple(wanted), "not_types": tuple(unwanted)}


def _denyallow(value: str) -> dict[str, Any]:
    words = [one.strip() for one in value.split("|")]
    if any("*" in one or one.startswith("~") for one in words):
        raise Bad("denyallow takes names, without wildcards")
    return {"except_below": tuple(key_of(one).key for one in words)}


def _client(value: str) -> dict[str, Any]:
    wanted, unwanted = list[str](), list[str]()
    for one in split_unescaped(value, "|"):
        word = one.strip()
        is_not = word.startswith("~")
        name = _unquoted(word.removeprefix("~"))
        if not name:
            raise Bad("a client without a name")
        (unwanted if is_not else wanted).append(_network(name))
    return {"clients": tuple(wanted), "not_clients": tuple(unwanted)}


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)


def _network(text: str) -> str:
    """In one spelling where it is a network or an address; else it is the name of a view."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


_READERS: Final = {"dnstype": _dnstype, "denyallow": _denyallow, "client": _client}
