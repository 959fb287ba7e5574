"""A recursive, caching DNS resolver. This is the map: the life of a query, in the tree's order.

    cli | web → setup → library → lab → daemon → operate → listen → pipeline
        → policy | reply | recurse → iterate → dnssec → upstream → drill | packets | cache
        → telemetry → geo → config → budget | model → delegation → protocol → runtime → limits
        → errors

Data flows along that line; an import may only point to the right, and import-linter holds us to it.
`daemon` wires the objects together, from a `config`, owns the nurseries and makes a process of it,
or several; nothing below it reads a clock or draws a random number that it was not handed.
docs/architecture.md says why, and in which file what is decided.

1. **Bytes in** (`listen`). A datagram or a TCP message arrives. What the packet cache holds goes
   back from the receive loop itself, patched in id, flags and TTLs: no parse, no task; where the
   event loop would sleep, not even a turn of it (`listen.idle_loop`).
2. **May they?** (`pipeline`, `policy`). `pipeline` shows the path of one query on one screen:
   admit, recall, policy, resolve, reply. A client's view says which steps of policy it meets. The
   ACL looks at address bytes; the operator's own names and special ones (`localhost`, private
   reverse zones) are answered here and never leak to the root. Response policy zones (`policy.rpz`)
   look at questions, and at answers too.
3. **Do we know?** (`recurse`, `cache`). `recurse` turns a `Question` into an `Answer`. Identical
   questions in flight are joined; RRsets are kept with their RFC 2181 rank and security status,
   NXDOMAIN and NODATA apart, failures briefly (RFC 9520), each cache bounded in octets. Behind them
   lies what workers have in common (`cache.common_level`), what outlives a restart
   (`cache.second_level`), and what machines share (`cache.shared`). `config.shares` divides memory.
   What has expired is told where asking fails or takes too long (`recurse.stale`, RFC 8767), what
   is in use is renewed (`recurse.prefetch`).
4. **Find out** (`iterate`). From the closest known zone cut the walker asks for no more of the name
   than needed (RFC 9156). Each reply is scrubbed to what its servers may say, classified into one
   `Verdict`, and that decides the next step: pure functions all. What is known of a cut's addresses
   stands in one book that all walks over it share (`delegation`): it never has less than the parent
   gave, and look-ups come beside that. A verified copy of the root zone stands in for its servers
   where there is one (`iterate.root_copy`, RFC 8806).
5. **Ask one server** (`upstream`). Among all addresses of the cut, the one that answers soonest; a
   socket, port, id and spelling of its own for each try (RFC 5452); TCP where UDP is cut short.
   Forwarders may be asked encrypted instead (`upstream.sessions`), which to all above is one more
   port. `upstream.network` is the only way out: real sockets, or the lab's virtual ones.
6. **Is it true?** (`dnssec`). A generator yields what it needs (DS, DNSKEY) and how much work it is
   about to do; its driver fetches, charges the budget, lets the loop breathe, caches the verdict.
7. **Bytes out** (`reply`). Sections, AD/CD/DO, EDNS and extended errors, truncation; back over the
   socket the query came to, and into the packet cache.

One `Share` travels with the client's query into every sub-query: packets, time, depth, signatures.
That, and the table in `limits`, bounds what one packet can cost. Beside the path, `telemetry` hears
typed events and never answers back. The same code runs against a simulated Internet in virtual time
(`lab`), which is how it is tested.

Operators ask a running daemon over the control socket (`operate`): verbs, each written once, over a
view of the daemon that `daemon` fills in. Nothing on the path knows of it. The page (`web`) is a
process of its own, that knows the daemon by that socket only.

From Python (`library`, docs/python.md), with neither listener nor port:

    async with resolver.open() as r:  # under trio or asyncio; `with resolver.open_sync() as r`
        answer = await r.resolve("www.example.com", "AAAA")
"""

import sys  # no __future__ before it: that is a file, and Ctrl-C may strike while it is read

if sys.argv[:1] == ["-m"] and ("-m", "resolver") in zip(
    sys.orig_argv, sys.orig_argv[1:], strict=False
):  # `python -m resolver`: no library, but the program. Until it is loaded, Ctrl-C just ends it.
    import _signal  # type: ignore[import-not-found]  # what of `signal` takes no time to load

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import importlib
import os
from typing import TYPE_CHECKING

if os.environ.get("RESOLVER_PURE"):  # sources, though compiled modules lie beside them
    from resolver.runtime.compiled import SourcesOnly

    sys.meta_path.insert(0, SourcesOnly)

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.errors import ConfigError, ResolverError
    from resolver.library.answer import Answer, Security
    from resolver.library.doors import Resolver
    from resolver.library.doors import open_resolver as open  # noqa: A004  # as resolver.open
    from resolver.library.failures import (
        BadQuestion,
        Bogus,
        Closed,
        NameNotFound,
        NoData,
        ResolveError,
        ServFail,
    )
    from resolver.library.settings import use_lab
    from resolver.library.sync import SyncResolver, open_sync

__all__ = [
    "Answer",
    "BadQuestion",
    "Bogus",
    "Closed",
    "Config",
    "ConfigError",
    "NameNotFound",
    "NoData",
    "ResolveError",
    "Resolver",
    "ResolverError",
    "Security",
    "ServFail",
    "SyncResolver",
    "open",
    "open_sync",
    "use_lab",
]
__version__ = "0.1.0"

_HOMES = {
    "Answer": "library.answer",
    "BadQuestion": "library.failures",
    "Bogus": "library.failures",
    "Closed": "library.failures",
    "Config": "config.schema",
    "ConfigError": "errors",
    "NameNotFound": "library.failures",
    "NoData": "library.failures",
    "ResolveError": "library.failures",
    "Resolver": "library.doors",
    "ResolverError": "errors",
    "Security": "library.answer",
    "ServFail": "library.failures",
    "SyncResolver": "library.sync",
    "open": "library.doors",
    "open_sync": "library.sync",
    "use_lab": "library.settings",
}


def __getattr__(name: str) -> object:
    """Public names, loaded at first touch: importing a submodule must not load everything."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(home, "open_resolver" if name == "open" else name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
