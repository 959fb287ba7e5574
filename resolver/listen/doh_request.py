"""One HTTP request → a DNS query, and its reply → one HTTP response. Pure: no socket, no HTTP.

DNS over HTTPS (RFC 8484): GET with `dns`, POST, HEAD as GET; and the JSON form of Google
(`/resolve`) and Cloudflare (`name` and `type` on the same path). HTTP/1.1, 2 and 3 hand in what
they have read and send what comes back: what is asked, which status, what may be kept for how long,
is decided here. No Date: ours may be wrong, and who keeps the answer counts from when it came
(RFC 9110 §6.6.1). Who asks on no path of ours, or wrongly, is told in a sentence.
"""

from __future__ import annotations

import binascii
import enum
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import HTTPS_BODY_OCTETS
from resolver.listen import doh_json
from resolver.listen.freshness import max_age
from resolver.listen.site import Site

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    Fields = tuple[tuple[bytes, bytes], ...]

MESSAGE: Final = b"application/dns-message"
_HEADER_OCTETS: Final = 12
_RESOLVE: Final = b"/resolve"  # Google's path
_KNOWN_METHODS: Final = frozenset(
    {b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE"}
)
_BASE64URL: Final = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")
_ABSOLUTE: Final = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_VARY: Final = (b"vary", b"accept")  # for caches (RFC 9110 §12.5.5)


class Request(NamedTuple):
    """*target*: path and query as they came. *fields*: the header's, names in lower case."""

    method: bytes
    target: bytes
    fields: Mapping[bytes, bytes] = {}
    body: bytes | bytearray = b""


class Response(NamedTuple):
    """*octets*: the body's length, which is told where the body (HEAD's) is not."""

    status: int
    fields: Fields
    body: bytes = b""


class Form(enum.Enum):
    """How the answer is written."""

    MESSAGE = "message"
    JSON = "json"


class Asked(NamedTuple):
    """A DNS query, and how its reply goes back; *is_negotiated*: `accept` decided the form."""

    query: bytes
    form: Form
    is_head: bool = False
    is_negotiated: bool = False


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


# --- the request ---------------------------------------------------------------------------------


def read_untrusted(request: Request, site: Site) -> Asked | Response:
    """What is asked, or what to say at once. Never raises."""
    try:
        return _read(request, site)
    except _Refused as error:
        error.__traceback__ = None
        return refusal(error.status, error.why, site, is_head=request.method == b"HEAD")


def _read(request: Request, site: Site) -> Asked | Response:
    method, target, fields, body = request
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/") and (origin := _ABSOLUTE.match(path)):
        path = path[origin.end() :]  # RFC 9112 §3.2.2
    if method not in _KNOWN_METHODS:
        raise _Refused(501, "GET, HEAD and POST are spoken here")
    is_ours = path in site.paths
    if not is_ours and path != _RESOLVE:
        raise _Refused(404, f"DNS over HTTPS is at {_shown(site.paths[0])}")
    if method == b"OPTIONS" and site.cors:
        return _preflight(is_ours=is_ours)
    if method == b"POST" and is_ours:
        return Asked(_posted(fields, body), Form.MESSAGE)
    if method not in (b"GET", b"HEAD"):
        return _not_allowed(is_ours=is_ours, site=site)
    if is_ours and query.startswith(b"dns=") and query.find(b"&") < 0:
        return Asked(_decoded(query[4:]), Form.MESSAGE, method == b"HEAD")
    return _got(query, fields, is_ours=is_ours, is_head=method == b"HEAD")


def _posted(fields: Mapping[bytes, bytes], body: bytes | bytearray) -> bytes:
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != MESSAGE:
        raise _Refused(415, "the body's content-type is application/dns-message")
    if fields.get(b"content-encoding", b"identity").lower() != b"identity":
        raise _Refused(415, "the body comes as it is, without content-encoding")
    if len(body) > HTTPS_BODY_OCTETS:
        raise _Refused(413, f"a DNS message has at most {HTTPS_BODY_OCTETS} octets")
    return _query(bytes(body))


def _got(query: bytes, fields: Mapping[bytes, bytes], *, is_ours: bool, is_head: bool) -> Asked:
    parameters = _parameters(query)
    if is_ours and b"dns" in parameters:
        return Asked(_decoded(parameters[b"dns"]), Form.MESSAGE, is_head)
    if b"name" not in parameters:
        wanted = "dns, a message in base64url, or name" if is_ours else "name"
        raise _Refused(400, f"what is asked is in the parameter {wanted}")
    try:
        asked = doh_json.read_untrusted(parameters)
    except ValueError as error:
        error.__traceback__ = None
        raise _Refused(400, str(error)) from None
    accepted = fields.get(b"accept", b"").lower()
    is_message = asked.wants_message or (MESSAGE in accepted and b"json" not in accepted)
    form = Form.MESSAGE if is_message else Form.JSON
    return Asked(asked.query, form, is_head, is_negotiated=True)


def _parameters(query: bytes) -> dict[bytes, bytes]:
    """By name, escapes read; of two of a name the first counts."""
    found: dict[bytes, bytes] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        found.setdefault(_unescaped(name), _unescaped(value))
    return found


def _unescaped(text: bytes) -> bytes:
    if b"%" not in text:
        return text

    def octet(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            raise _Refused(400, "a % is followed by two hexadecimal digits")
        return bytes((int(found[1], 16),))

    return _ESCAPE.sub(octet, text)


def _decoded(text: bytes) -> bytes:
    """The message in base64url (RFC 4648 §5), with padding or without."""
    if b"%" in text:
        text = _unescaped(text)
    bare = text.rstrip(b"=")
    if not _BASE64URL.fullmatch(text) or len(bare) % 4 == 1:
        raise _Refused(400, "dns is a DNS message in base64url, without padding (RFC 8484 §4.1)")
    padding = b"=" * (-len(bare) % 4)
    return _query(binascii.a2b_base64(bare.translate(_TO_BASE64) + padding))


def _query(octets: bytes) -> bytes:
    """*octets*, if a resolver can be asked by them: a header, and not of a response."""
    if len(octets) < _HEADER_OCTETS or octets[2] & 0x80:
        raise _Refused(400, "that is not a DNS query")
    return octets


# --- the response --------------------------------------------------------------------------------


def response(asked: Asked, reply: bytes, site: Site, more: Fields = ()) -> Response:
    """What goes back for the DNS *reply*: 200, whatever its RCODE (RFC 8484 §4.2.1).

    *more* fields are for its header.
    """
    if asked.form is Form.JSON:
        for _ in (steps := Written(asked, reply, site, more)):
            pass
        return steps.response
    if asked.is_negotiated:
        more = (_VARY, *more)
    fields = _fields(MESSAGE, len(reply), max_age(reply), more, cors=site.cors)
    return Response(200, fields, b"" if asked.is_head else reply)


class Written:
    """A JSON response in the making: iterated to its end, with pauses, it is `response`."""

    def __init__(self, asked: Asked, reply: bytes, site: Site, more: Fields = ()) -> None:
        self._asked, self._reply, self._cors = asked, reply, site.cors
        self._more = (_VARY, *more)  # of JSON `accept` is always asked
        self.response = busy(site)

    def __iter__(self) -> Generator[None, None, None]:
        text = yield from doh_json.document(self._reply)
        age = max_age(self._reply)
        fields = _fields(doh_json.TYPE, len(text), age, self._more, cors=self._cors)
        self.response = Response(200, fields, b"" if self._asked.is_head else text)


@lru_cache(maxsize=1024)
def _fields(kind: bytes, length: int, age: int, more: Fields, *, cors: bool) -> Fields:
    """Of a header: as few as there are lengths and TTLs."""
    fields: Fields = (
        (b"content-type", kind),
        (b"content-length", b"%d" % length),
        (b"cache-control", b"max-age=%d" % age),
    )
    return (*fields, _ANY_ORIGIN, *more) if cors else (*fields, *more)


def refusal(
    status: int, why: str, site: Site, *, more: Fields = (), is_head: bool = False
) -> Response:
    """Not an answer but a reason, in words."""
    text = f"{why}\n".encode()
    fields: Fields = (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        *more,
    )
    if site.cors:
        fields = (*fields, _ANY_ORIGIN)
    return Response(status, fields, b"" if is_head else text)


def _not_allowed(*, is_ours: bool, site: Site) -> Response:
    allowed = b"GET, HEAD, POST" if is_ours else b"GET, HEAD"
    return refusal(405, f"allowed are {allowed.decode()}", site, more=((b"allow", allowed),))


def _preflight(*, is_ours: bool) -> Response:
    """What a browser asks before a page may POST a message."""
    return Response(
        204,
        (
            _ANY_ORIGIN,
            (b"access-control-allow-methods", b"GET, HEAD, POST" if is_ours else b"GET, HEAD"),
            (b"access-control-allow-headers", b"accept, content-type"),
            (b"access-control-max-age", b"86400"),
        ),
    )


def busy(site: Site) -> Response:
    """Nothing more is taken on for now."""
    return refusal(503, "too much is asked at the moment", site, more=_LATER)


def limited(site: Site) -> Response:
    """One network asks more than it may."""
    return refusal(429, "too much comes from your network", site, more=_LATER)


_LATER: Final = ((b"retry-after", b"1"),)
_PLAIN: Final = Site()
TOO_LARGE: Final = refusal(413, f"a DNS message has at most {HTTPS_BODY_OCTETS} octets", _PLAIN)
LONG_HEADER: Final = refusal(431, "the header is too long; a message can be posted", _PLAIN)
MALFORMED: Final = refusal(400, "that is no HTTP request", _PLAIN)


def _shown(path: bytes) -> str:
    return path.decode("ascii", "replace")
