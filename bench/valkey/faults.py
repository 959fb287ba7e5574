"""What happens to a Redis, each for as long as the load runs: `FAULTS`, by name."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bench.valkey.servers import BEHIND, REDIS, THERE
from resolver.cache import record
from resolver.cache.shared import Shared
from resolver.errors import WireError
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.valkey.site import Site

    Wait = Callable[[float], bool]
    Fault = Callable[[Site, Wait], None]

_SWAP: Final = """
local found = redis.call('SCAN', ARGV[1], 'MATCH', 'resolver:*', 'COUNT', 200)
local keys = found[2]
for at = 1, #keys - 1, 3 do
  local one, other = redis.call('GET', keys[at]), redis.call('GET', keys[at + 1])
  if one and other then
    redis.call('SET', keys[at], other)
    redis.call('SET', keys[at + 1], one:sub(1, #one - 4) .. 'evil')
  end
end
return found[1]
"""  # values under other names, and with another address at their end
_EVIL: Final = b"\x0a\x66\x66\x66"


def healthy(_: Site, wait: Wait) -> None:
    """Nothing."""
    wait(1e6)


def killed(site: Site, wait: Wait) -> None:
    """SIGKILL; three seconds later it is started anew, empty; each eight."""
    while not wait(3):
        site.servers.kill()
        wait(3)
        site.servers.start()
        if wait(2):
            return


def hung(site: Site, wait: Wait) -> None:
    """SIGSTOP for four seconds, of eight."""
    while not wait(4):
        site.servers.signal(signal.SIGSTOP)
        wait(4)
        site.servers.signal(signal.SIGCONT)


def emptied(site: Site, wait: Wait) -> None:
    """FLUSHALL twice a second."""
    while not wait(0.5):
        site.servers.cli("flushall")


def full(site: Site, wait: Wait) -> None:
    """No memory is left, and nothing is thrown away."""
    site.servers.cli("config", "set", "maxmemory-policy", "noeviction")
    site.servers.cli("config", "set", "maxmemory", "1")
    wait(1e6)
    site.servers.cli("config", "set", "maxmemory", "64mb")
    site.servers.cli("config", "set", "maxmemory-policy", "allkeys-lru")


def cut_off(site: Site, wait: Wait) -> None:
    """The link swallows everything for four seconds, of eight."""
    while not wait(4):
        site.cut()
        wait(4)
        site.heal()


def slow(site: Site, wait: Wait) -> None:
    """Each answer takes up to 1, 2, 4, 10, 100 ms, two seconds each."""
    while True:
        for seconds in (0.001, 0.002, 0.004, 0.01, 0.1):
            times = int(2 / seconds)
            site.servers.cli("-r", str(times), "debug", "sleep", str(seconds))
            if wait(0):
                return


def half_said(site: Site, wait: Wait) -> None:
    """Of each fourth reply the first half comes; then an end, or silence for ever."""
    site.servers.kill()
    site.servers.start_pretender()
    wait(1e6)
    site.servers.kill()
    site.servers.kill(BEHIND)
    site.servers.start()


def poisoned(site: Site, wait: Wait) -> None:
    """Values change places, or their last octets, as fast as somebody else can."""
    cursor = "0"
    while not wait(0.02):
        cursor = site.servers.cli("eval", _SWAP, "0", cursor) or "0"


def foreign(site: Site, wait: Wait) -> None:
    """Somebody with another secret puts another address into what is there, and seals that well."""
    ours, theirs = (
        Shared(secret, SystemClock(), prefix="resolver:", stale_s=0.0)
        for secret in (site.secret, b"another secret, of somebody else")
    )
    cursor = "0"
    while not wait(0.02):
        words = ("scan", cursor, "match", "resolver:*}A", "count", "100")
        cursor, *keys = site.servers.cli(*words).split() or ["0"]
        for key in keys[:: max(len(keys) // 4, 1)]:
            name = key.encode()
            try:
                value = record.open_untrusted(site.servers.value(key), ours.sealing(name))
            except WireError:  # gone, or done already
                continue
            value = value._replace(body=value.body[:-4] + _EVIL)
            octets = record.seal(value, theirs.sealing(name))
            text = "".join(f"\\x{octet:02x}" for octet in octets)
            site.servers.cli(feed=f'SET {key} "{text}"\n')


def locked(site: Site, wait: Wait) -> None:
    """Another password than we have is wanted, and who is connected is sent away; four seconds of
    eight."""
    while not wait(4):
        site.servers.cli("acl", "setuser", "default", "resetpass", ">other")
        with_it = ("--no-auth-warning", "-a", "other")
        site.servers.cli(*with_it, "client", "kill", "type", "normal", "skipme", "yes")
        wait(4)
        site.servers.cli(*with_it, "acl", "setuser", "default", "nopass")


def demoted(site: Site, wait: Wait) -> None:
    """It is made a replica of nobody that can be reached: it reads, and takes nothing; four seconds
    of eight."""
    while not wait(4):
        site.servers.cli("replicaof", THERE, "1")
        wait(4)
        site.servers.cli("replicaof", "no", "one")


def promoted(site: Site, wait: Wait) -> None:
    """The primary is killed, sentinels promote its replica; it comes back as that one's replica."""
    while not wait(5):
        gone = site.servers.primary()
        site.servers.kill(gone)
        site.servers.await_primary_but(gone)
        wait(3)
        site.servers.start(gone, "--replicaof", f"{THERE} {REDIS + BEHIND - gone}")


FAULTS: Final[dict[str, Fault]] = {
    one.__name__: one
    for one in (
        healthy, killed, hung, emptied, full, cut_off, slow, half_said, poisoned, foreign, locked,
        demoted, promoted,
    )
}  # fmt: skip
WITH_SENTINELS: Final = frozenset({"promoted"})


@contextmanager
def happening(site: Site, fault: str) -> Iterator[None]:
    """*fault* happens while the block runs, and is made good. Raises what it failed by."""
    over = threading.Event()
    done = site.hands.submit(FAULTS[fault], site, over.wait)
    try:
        yield
    finally:
        over.set()
        done.result()
