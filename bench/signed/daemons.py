"""The resolvers under comparison, each as shipped but for hints, anchors and minimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.common import peers
from bench.signed.catalogue import NEGATIVE_ANCHOR

if TYPE_CHECKING:
    from bench.signed.signed_world import SignedWorld
    from tests.simulation import netns

OURS, PEER = "127.0.0.1", "127.0.0.2"
# SHA-1 counts, as it does for Unbound (RFC 9905 §2 lets a resolver choose); some zones sign for
# tomorrow, and this clock is right.
_OURS = 'dnssec.sha1 = true\ncache.clock = "realtime"'
_EXTRA = {
    "ours": _OURS,
    "kresd": "net.ipv6 = false\nmodules.unload('priming')\nmodules.unload('detect_time_skew')",
    "pdns": "extended-resolution-errors=yes\ndont-query=\nquiet=yes",
}
_UNBOUND_PLAIN = 'module-config: "iterator"'  # no validator at all


def start(
    it: SignedWorld, name: str, address: str, *, minimise: bool | None = None, validate: bool = True
) -> netns.Program:
    """Resolver *name* of `peers.PROGRAMS` on *address*, port 53."""
    directory = it.directory / f"{name}-{address}"
    directory.mkdir()
    is_plain = name == "unbound" and not validate
    setup = peers.Setup(
        directory=directory,
        hints=it.hints,
        addresses=(address,),
        anchors=tuple(it.anchors) if validate else (),
        negative_anchors=(NEGATIVE_ANCHOR,) if validate else (),
        minimises=minimise,
        extra=_UNBOUND_PLAIN if is_plain else _EXTRA.get(name, ""),
        arguments=("-g",) if name == "named" else (),  # its log to us
    )
    if name == "named":
        it.client.ip(f"addr add {address}/32 dev lo")  # it listens on addresses of interfaces only
    return peers.start(name, setup, it.client)


def start_ours(
    it: SignedWorld, *, address: str = OURS, minimise: bool = True, validate: bool = True
) -> netns.Program:
    return start(it, "ours", address, minimise=minimise, validate=validate)


def start_unbound(
    it: SignedWorld, *, address: str = PEER, minimise: bool = True, validate: bool = True
) -> netns.Program:
    """The one that every answer is compared with."""
    return start(it, "unbound", address, minimise=minimise, validate=validate)
