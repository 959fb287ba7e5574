"""Domain names as facts: relations, order and text of uncompressed, lower-cased wire octets.

A `Name` ends in the root's zero octet, so b"\\0" is the root itself. Names are equal if their bytes
are; "below" is not `endswith`: a label may hold `\\x03com`, so every cut is at a label boundary.
Functions trust their argument to be a well-formed name; only those that make new ones from parts
raise, ValueError. RFC 1035 §3.1, RFC 4343 (case, escapes), RFC 4034 §6.1 (order).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from resolver.limits import CANONICAL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = bytes

ROOT: Final = b"\0"
MAX_NAME_OCTETS: Final = 255
MAX_LABEL_OCTETS: Final = 63
_MAX_OCTET: Final = 255


def labels(name: Name) -> tuple[bytes, ...]:
    """Labels from left to right, without the root's empty one."""
    found = []
    at = 0
    while size := name[at]:
        found.append(name[at + 1 : at + 1 + size])
        at += size + 1
    return tuple(found)


def count(name: Name) -> int:
    """Number of labels, the root's not counted (as RRSIG's Labels field does, wildcard apart)."""
    found = at = 0
    while size := name[at]:
        found += 1
        at += size + 1
    return found


def parent(name: Name) -> Name:
    """*name* without its first label; the root is its own parent."""
    return name[name[0] + 1 :] or ROOT


def ancestors(name: Name) -> Iterator[Name]:
    """*name* itself first, then each name above it, the root last."""
    yield name
    while size := name[0]:
        name = name[size + 1 :]
        yield name


def is_subdomain(name: Name, ancestor: Name) -> bool:
    """True if *name* is *ancestor* or below it, compared at label boundaries."""
    if not name.endswith(ancestor):
        return False
    cut = len(name) - len(ancestor)
    at = 0
    while at < cut:
        at += name[at] + 1
    return at == cut


def suffix(name: Name, label_count: int) -> Name:
    """The last *label_count* labels: suffix(www.example.com., 1) is com."""
    for _ in range(count(name) - label_count):
        name = name[name[0] + 1 :]
    return name


def common_ancestor(first: Name, second: Name) -> Name:
    """The longest name that both are at or below; at the least, the root."""
    for candidate in ancestors(first):
        if is_subdomain(second, candidate):
            return candidate
    return ROOT


@lru_cache(maxsize=CANONICAL_KEYS)
def canonical_key(name: Name) -> tuple[bytes, ...]:
    """Sort key of the canonical order: most significant label first (RFC 4034 §6.1).

    Remembered, for a denial compares the same few names a dozen times.
    """
    return labels(name)[::-1]


def is_wildcard(name: Name) -> bool:
    """True if the first label is a lone asterisk (RFC 4592 §2.1.1)."""
    return name.startswith(b"\x01*")


def prepend(label: bytes, name: Name) -> Name:
    """*label* in front of *name*, lower-cased. Raises ValueError over 63 or 255 octets."""
    if not 0 < len(label) <= MAX_LABEL_OCTETS:
        raise ValueError(f"a label has 1 to 63 octets, not {len(label)}")
    made = bytes((len(label),)) + label.lower() + name
    if len(made) > MAX_NAME_OCTETS:
        raise ValueError(f"a name has at most 255 octets, not {len(made)}")
    return made


def replace_suffix(name: Name, old: Name, new: Name) -> Name:
    """*name* with its ancestor *old* replaced by *new* (DNAME, RFC 6672 §2.2).

    Raises ValueError over 255 octets. Case of *new* is kept.
    """
    made = name[: len(name) - len(old)] + new
    if len(made) > MAX_NAME_OCTETS:
        raise ValueError(f"a name has at most 255 octets, not {len(made)}")
    return made


def from_labels(parts: tuple[bytes, ...]) -> Name:
    """The name made of *parts*, left to right. Raises ValueError as `prepend` does."""
    name = ROOT
    for label in reversed(parts):
        name = prepend(label, name)
    return name


def from_text(text: str) -> Name:
    r"""The name that *text* means, absolute with or without its last dot.

    Understands \DDD and \X (RFC 1035 §5.1); international names must come as A-labels.
    Raises ValueError on an empty text or label, a bad escape, an octet above ASCII, or over-length.
    """
    if text == ".":
        return ROOT
    if not text.isascii():
        raise ValueError(f"{text!r} is not ASCII; write it in its xn-- form")
    if "\\" not in text:
        return from_labels(tuple(text.removesuffix(".").encode("ascii").split(b".")))
    return from_labels(tuple(_escaped_labels(text)))


def _escaped_labels(text: str) -> Iterator[bytes]:
    label = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == ".":
            yield bytes(label)
            label.clear()
        elif char == "\\":
            octet, at = _escape(text, at)
            label.append(octet)
        else:
            label.append(ord(char))
    if label:
        yield bytes(label)


def _escape(text: str, at: int) -> tuple[int, int]:
    """The octet that the escape at *at* (behind its backslash) stands for, and what follows it."""
    if at >= len(text):
        raise ValueError(f"{text!r} ends inside an escape")
    if text[at] not in "0123456789":
        return ord(text[at]), at + 1
    digits = text[at : at + 3]
    if len(digits) < 3 or not digits.isdecimal() or int(digits) > _MAX_OCTET:
        raise ValueError(f"\\{digits} in {text!r} is not a decimal octet")
    return int(digits), at + 3


def _octet_text(octet: int) -> str:
    # the characters that are special in zone files are escaped too, so the text can be pasted there
    char = chr(octet)
    if char in '.\\"();@$':
        return "\\" + char
    return char if 0x20 < octet < 0x7F else f"\\{octet:03d}"


_OCTET_TEXTS: Final = tuple(_octet_text(octet) for octet in range(256))
_PLAIN: Final = frozenset(octet for octet in range(256) if len(_OCTET_TEXTS[octet]) == 1)


def to_text(name: Name) -> str:
    r"""Presentation form with the last dot; what is not printable as \DDD (RFC 4343 §2.1)."""
    if name == ROOT:
        return "."
    return ".".join(_label_text(label) for label in labels(name)) + "."


def _label_text(label: bytes) -> str:
    if _PLAIN.issuperset(label):
        return label.decode("ascii")
    return "".join([_OCTET_TEXTS[octet] for octet in label])
