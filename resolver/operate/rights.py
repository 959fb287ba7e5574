"""Who may do what: two rights, by the account at the other end of the socket. Pure.

To *look* may whoever can open the socket: the mode of its file says who. To *act*, and to see names
and clients, may root, `control.admins`, and the account that started the daemon; not the one that a
daemon started by root has become, for that may be many programs' (nobody).
"""

from __future__ import annotations

from typing import NamedTuple

from resolver.operate.verb import Right


class Peer(NamedTuple):
    """The process at the other end, as the kernel knows it (SO_PEERCRED, unix(7))."""

    pid: int
    uid: int
    gid: int


def right_of(peer: Peer, admins: frozenset[int]) -> Right:
    """The most that *peer* may do; *admins*: user ids besides root's."""
    return Right.ACT if peer.uid == 0 or peer.uid in admins else Right.LOOK


def may(has: Right, wants: Right) -> bool:
    """Does a right include another?"""
    return has is Right.ACT or wants is Right.LOOK
