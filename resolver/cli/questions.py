"""The words of a command line → what is asked, and of whom.

A word is a server (@...), a type (AAAA, TYPE65), a class (CH), or a name: also one in letters
beyond ASCII, the URL it stands in, or the address whose name is wanted. RFC 3597 §5 (TYPE65), RFC
5891 (IDNA). "ch" and "in" are names of countries too: a class is one that stands beside a name.
dnspython, which takes as long to load as all the rest, is loaded for rare types and IDNA alone.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from resolver.errors import ConfigError
from resolver.protocol import names
from resolver.protocol.codes import RRClass, RRType, type_number
from resolver.protocol.message import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.name import IDNACodec

_CLASSES = {
    "IN": RRClass.IN, "CH": RRClass.CH, "CHAOS": RRClass.CH, "HS": RRClass.HS, "HESIOD": RRClass.HS
}  # fmt: skip
_LONGEST_MNEMONIC = 10  # NSEC3PARAM


class Asked(NamedTuple):
    """What the words of one command line come to. *server* is what stands behind the @, or ""."""

    questions: tuple[Question, ...]
    server: str


def read(
    words: Sequence[str],
    *,
    types: Sequence[str] = (),
    qclass: str | None = None,
    reverse: bool = False,
) -> Asked:
    """Each combination of the names and types in *words*. Raises ConfigError.

    *types* are types by option, *qclass* is the class, if one was given so; *reverse*: each name
    has to be an address.
    """
    options = [word for word in words if word.startswith("+")]
    if options:
        raise ConfigError("NAME", options[0], "a domain name (options begin with --: see --help)")
    servers = [word[1:] for word in words if word.startswith("@")]
    if len(servers) > 1:
        raise ConfigError("@SERVER", f"@{servers[1]}", "one server")
    rest = [word for word in words if not word.startswith("@")]
    numbers = [rtype_of(word) for word in rest]
    untyped = [word for word, number in zip(rest, numbers, strict=True) if number is None]
    named, rclass = _class_in(untyped, qclass)
    rtypes = [*map(_type, types), *(number for number in numbers if number is not None)]
    if len(named) > 1:
        _look_for_typos(named)
    qnames = [qname_of(word, reverse=reverse) for word in named]
    if not qnames:
        said = rest[0] if rest else "(missing)"
        hint = "" if said == "(missing)" else f' ("{said}" is a type; the name is "{said}.")'
        raise ConfigError("NAME", said, f"a domain name{hint}")
    asked = [
        Question(qname, rtype, rclass)
        for qname, default in qnames
        for rtype in rtypes or [RRType.TXT if rclass == RRClass.CH else default]
    ]
    return Asked(tuple(dict.fromkeys(asked)), servers[0] if servers else "")


def one(words: Sequence[str], *, reverse: bool = False) -> Question:
    """The same where there is one question, and nobody to ask. Raises ConfigError."""
    questions, server = read(words, reverse=reverse)
    if server:
        raise ConfigError("NAME", f"@{server}", 'no server: only "resolver query" asks one')
    if len(questions) > 1:
        raise ConfigError("NAME", " ".join(words), "one name and one type")
    if questions[0].qclass != RRClass.IN:
        raise ConfigError("CLASS", " ".join(words), 'IN: only "resolver query" asks in others')
    return questions[0]


def rtype_of(word: str) -> int | None:
    """The number of the type that *word* is; None if it is none, but a name."""
    try:
        return type_number(word)
    except ValueError:
        pass
    if len(word) > _LONGEST_MNEMONIC or not word.replace("-", "").isalnum() or not word.isascii():
        return None
    import dns.rdatatype  # noqa: PLC0415  # for types that the resolver itself knows nothing of

    try:
        return int(dns.rdatatype.from_text(word))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        return None


def qname_of(word: str, *, reverse: bool = False) -> tuple[bytes, int]:
    """The name that *word* means, lower-cased, and the type it is asked for if none is given.

    Raises ConfigError with what is wrong with it.
    """
    text = _host(word) if "://" in word else word
    address = _address(text)
    if address is not None:
        return names.from_text(address.reverse_pointer), RRType.PTR
    if reverse:
        raise ConfigError("NAME", word, "an address (-x)")
    try:
        return (names.from_text(text) if text.isascii() else _international(text)), RRType.A
    except ValueError as error:
        raise ConfigError("NAME", word, f"a domain name ({error})") from None


def unicode_text(name: bytes) -> str | None:
    """How people write an international name; None if *name* is not one."""
    if b"xn--" not in name:
        return None
    import dns.exception  # noqa: PLC0415
    import dns.name  # noqa: PLC0415

    try:
        text = dns.name.from_wire(name, 0)[0].to_unicode(idna_codec=_codec())
    except (dns.exception.DNSException, UnicodeError):
        return None
    return None if text.isascii() or not text.isprintable() else text


def _class_in(words: Sequence[str], qclass: str | None) -> tuple[Sequence[str], int]:
    """*words* without the class that stands among them, and its number. Raises ConfigError."""
    found = [word for word in words if word.upper() in _CLASSES and len(words) > 1]
    said = {_CLASSES[text.upper()] for text in (*found, qclass) if text}
    if len(said) > 1 or (found and len(found) == len(words)):
        expected = f'one class, beside a name; as a name, "{found[-1]}."'
        raise ConfigError("CLASS", " ".join(found), expected)
    return [word for word in words if word not in found], said.pop() if said else RRClass.IN


def _look_for_typos(named: Sequence[str]) -> None:
    """AAAAA beside a name is a type with a letter too many, and no name that anybody asks for."""
    for word in named:
        if word.isascii() and word.isupper() and word.isalnum():
            expected = f'a record type such as "AAAA" or "TYPE65"; as a name, "{word}."'
            raise ConfigError("TYPE", word, expected)


def _type(text: str) -> int:
    number = rtype_of(text)
    if number is None:
        raise ConfigError("TYPE", text, 'a record type such as "AAAA" or "TYPE65"')
    return number


def _host(url: str) -> str:
    """https://user@www.example.com:8443/path?query → www.example.com"""
    authority = url.partition("://")[2]
    for end in "/?#":
        authority = authority.partition(end)[0]
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None


def _international(text: str) -> bytes:
    """Its A-labels. Raises ValueError."""
    import dns.exception  # noqa: PLC0415
    import dns.name  # noqa: PLC0415

    try:
        return names.from_text(dns.name.from_text(text, idna_codec=_codec()).to_text())
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(str(error) or "it cannot be written in ASCII") from None


def _codec() -> IDNACodec:
    """IDNA 2008 as browsers do it (UTS 46); 2003's, which Python has, without that library."""
    import dns.name  # noqa: PLC0415

    if dns.name.have_idna_2008:
        return dns.name.IDNA_2008_UTS_46
    return dns.name.IDNA_2003
