"""One line of AdGuard's syntax for DNS → a rule.

    ||example.org^          the name and all below          |example.org^    the name alone
    @@||example.org^        not, whatever other lists say   /^ads[0-9]+\\./   a regular expression
    ||example.org^$important,dnstype=A|AAAA,denyallow=good.example.org,client='den'

What is about elements of pages, paths and URLs is set aside: right, but nothing that a resolver can
see. So is a rule with a modifier that is not known, as AdGuard has it: half a rule would block what
nobody wanted blocked. docs/policy.md has the table. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from resolver.policy.adblock_modifiers import Modifiers, modifiers_of, split_unescaped
from resolver.policy.list_pattern import checked, from_adblock
from resolver.policy.list_rules import MARK, Aside, Bad, Reach, Rule, key_of
from resolver.protocol.ip_addresses import address_octets

_COSMETIC: Final = re.compile(r"\S*?(?:#@?[?$%]?#|\$@?\$)\S")
_URL: Final = re.compile(r"^(?:\|?https?:|\|?wss?:|://)|[/?=&:]")
_NAME: Final = re.compile(r"[\w.-]+", re.UNICODE)


def is_comment(text: str) -> bool:
    """A remark, or the heading that some lists begin with."""
    return text.startswith(("!", "[")) or (text.startswith("#") and not is_cosmetic(text))


def is_cosmetic(text: str) -> bool:
    """Is it about elements of pages?"""
    return _COSMETIC.match(text) is not None


def rule_of(text: str, line: int) -> Rule:
    """What *text* says. Raises Bad for nonsense, Aside for what is nothing for a resolver."""
    if is_cosmetic(text):
        raise Aside("hides elements of pages")
    allows = text.startswith("@@")
    pattern, options = _parted(text[2:] if allows else text)
    modifiers = modifiers_of(options, allows=allows)
    return _rule(pattern, line, modifiers, allows=allows)


def canonical(text: str) -> str:
    """*text* without `$badfilter`, in a form that all spellings of the rule share."""
    allows = text.startswith("@@")
    pattern, options = _parted(text[2:] if allows else text)
    kept = sorted(one.strip() for one in split_unescaped(options, ",") if one.strip())
    kept = [one for one in kept if one != "badfilter"]
    return ("@@" if allows else "") + pattern.lower() + "$" + ",".join(kept)


def is_badfilter(text: str) -> bool:
    """Does it switch off a rule that reads the same but for this modifier?"""
    return "badfilter" in [one.strip() for one in split_unescaped(_parted(text)[1], ",")]


def _parted(text: str) -> tuple[str, str]:
    """Pattern and modifiers; a dollar sign inside a regular expression parts nothing."""
    if text.startswith("/"):
        end = text.rfind("/")
        while end > 0 and text[end + 1 : end + 2] not in ("", "$"):
            end = text.rfind("/", 0, end)
        if end > 0:
            return text[: end + 1], text[end + 2 :]
    at = text.find("$")
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def _rule(pattern: str, line: int, modifiers: Modifiers, *, allows: bool) -> Rule:
    key, reach, expression = _matched(pattern, is_alone=modifiers.terms is None)
    return Rule(
        key, reach, line, allows=allows, is_important=modifiers.is_important,
        terms=modifiers.terms, pattern=expression,
    )  # fmt: skip


def _matched(pattern: str, *, is_alone: bool) -> tuple[bytes, int, str]:  # noqa: C901, PLR0911  # by cases
    """Key and reach, or a regular expression, of what stands before the modifiers."""
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        return b"", Reach.SPECIAL, checked(pattern[1:-1])
    if pattern.strip("|*^.") == "":
        if is_alone:
            raise Bad("it would be about every name there is")
        return b"", Reach.AND_BELOW, ""
    if _URL.search(pattern):
        address = _address(pattern.strip("|^"))
        if address:
            return MARK + address, Reach.EXACT, ""
        raise Aside("looks at URLs")
    inner, rooted, is_ended = _anchors(pattern)
    if "^" in inner or "|" in inner:
        raise Aside("looks at URLs")
    if _NAME.fullmatch(inner) and not inner.startswith("."):
        address = _address(inner)
        if address:
            return MARK + address, Reach.EXACT, ""
        if not inner.endswith(".") and is_ended and rooted is not None:
            return key_of(inner).key, rooted, ""
        if pattern == inner:
            return _bare(inner), Reach.AND_BELOW, ""
    if inner.startswith("*.") and _NAME.fullmatch(inner[2:]) and (is_ended or pattern == inner):
        reach = Reach.AND_BELOW if pattern == inner else Reach.BELOW
        return key_of(inner[2:]).key, reach, ""
    if not pattern.isascii() or not re.search(r"\w", inner) or re.search(r"[^\w.*-]", inner):
        raise Bad("no domain name")
    expression = from_adblock(pattern.lower())
    return b"", Reach.SPECIAL, checked(expression)


def _anchors(pattern: str) -> tuple[str, int | None, bool]:
    """What is between the anchors; AND_BELOW after `||`, EXACT after `|`, else None; is its end the
    name's?"""
    rooted = None
    if pattern.startswith("||"):
        rooted, pattern = Reach.AND_BELOW, pattern[2:]
    elif pattern.startswith("|"):
        rooted, pattern = Reach.EXACT, pattern[1:]
    inner = pattern.rstrip("^|")
    return inner, rooted, inner != pattern


def _bare(text: str) -> bytes:
    key, labels = key_of(text)
    if len(labels) == 1:
        raise Bad("one word alone; all of a top-level domain is ||word^")
    return key


def _address(text: str) -> bytes:
    """The octets of an address, b"" of anything else."""
    try:
        return address_octets(text)
    except ValueError:
        return b""
