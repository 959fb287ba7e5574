"""Where Valkey or Redis is: one server, what sentinels know of, or a cluster. Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

Shape: TypeAlias = Literal["one", "sentinel", "cluster"]

_TLS: Final = {"redis": False, "valkey": False, "rediss": True, "valkeys": True}
_SHAPES: Final[dict[str, Shape]] = {"": "one", "sentinel": "sentinel", "cluster": "cluster"}
_PORTS: Final = {"one": 6379, "sentinel": 26379, "cluster": 6379}
_DATABASES: Final = 1 << 14
EXPECTED: Final = (
    '"redis://HOST:PORT/DB", "rediss://HOST" (TLS), "unix:///PATH", '
    '"redis+sentinel://HOST,HOST/SERVICE" or "redis+cluster://HOST,HOST"'
)
NO_DATABASE: Final = "a URL that ends with the number of a database, or without one"


class ValkeyUrl(NamedTuple):
    """*path*: of a Unix socket, and no hosts then. *service*: as the sentinels call it."""

    shape: Shape
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    is_tls: bool = False
    user: str = ""
    password: str = ""
    database: int = 0
    service: str = ""

    def __str__(self) -> str:
        """Where it is, for people; no password."""
        where = self.path or ", ".join(_shown(host, port) for host, port in self.hosts)
        if self.shape == "one":
            return where
        return f"{self.shape} {where}" + (f", {self.service}" if self.service else "")


def valkey_url(text: str) -> ValkeyUrl:
    """What *text* says. Raises ValueError with what was expected."""
    scheme, separator, rest = text.partition("://")
    if not separator or "?" in rest or "#" in rest:
        raise ValueError(EXPECTED)
    if scheme == "unix":
        return _socket(rest)
    family, _, shape = scheme.partition("+")
    if family not in _TLS or shape not in _SHAPES or scheme.endswith("+"):
        raise ValueError(EXPECTED)
    return _hosts(rest, _SHAPES[shape], is_tls=_TLS[family])


def _socket(rest: str) -> ValkeyUrl:
    credentials, at, path = rest.rpartition("@")
    if not path.startswith("/") or len(path) < 2:  # noqa: PLR2004  # a slash alone
        raise ValueError(EXPECTED)
    user, password = _credentials(credentials if at else "")
    return ValkeyUrl("one", path=unquote(path), user=user, password=password)


def _hosts(rest: str, shape: Shape, *, is_tls: bool) -> ValkeyUrl:
    place, _, path = rest.partition("/")
    credentials, at, listed = place.rpartition("@")
    user, password = _credentials(credentials if at else "")
    hosts = tuple(_host(text, _PORTS[shape]) for text in listed.split(","))
    service, _, database = path.partition("/") if shape == "sentinel" else ("", "", path)
    if (shape == "sentinel") != bool(service) or (shape == "one" and len(hosts) > 1):
        raise ValueError(EXPECTED)
    if database and (shape == "cluster" or not database.isdecimal()):
        raise ValueError(EXPECTED if shape == "cluster" else NO_DATABASE)
    number = int(database or 0)
    if number >= _DATABASES:
        raise ValueError(NO_DATABASE)
    return ValkeyUrl(shape, hosts, "", is_tls, user, password, number, unquote(service))


def _credentials(text: str) -> tuple[str, str]:
    """User and password; a name alone is a user's, whose password is in a file."""
    user, _, password = text.partition(":")
    return unquote(user), unquote(password)


def _host(text: str, port: int) -> tuple[str, int]:
    try:
        found = urlsplit(f"//{text}")
        host, number = found.hostname, found.port
    except ValueError:
        raise ValueError(EXPECTED) from None
    if not host or "@" in text or number == 0 or found.path:
        raise ValueError(EXPECTED)
    return host, number or port


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
