"""What happens to a Redis, each for as long as the load runs: `FAULTS`, by name."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

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


def healthy(_: Site, wait: Wait) -> None:
    """Nothing."""
    wait(1e6)


def killed(site: Site, wait: Wait) -> None:
    """SIGKILL; three seconds later it is started anew, empty; each eight."""
    while not wait(3):
        site.kill_redis()
        wait(3)
        site.start_redis()
        if wait(2):
            return


def hung(site: Site, wait: Wait) -> None:
    """SIGSTOP for four seconds, of eight."""
    while not wait(4):
        site.signal_redis(signal.SIGSTOP)
        wait(4)
        site.signal_redis(signal.SIGCONT)


def emptied(site: Site, wait: Wait) -> None:
    """FLUSHALL twice a second."""
    while not wait(0.5):
        site.cli("flushall")


def full(site: Site, wait: Wait) -> None:
    """No memory is left, and nothing is thrown away."""
    site.cli("config", "set", "maxmemory-policy", "noeviction")
    site.cli("config", "set", "maxmemory", "1")
    wait(1e6)
    site.cli("config", "set", "maxmemory", "64mb")
    site.cli("config", "set", "maxmemory-policy", "allkeys-lru")


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
            site.sleep_redis(seconds, times=int(2 / seconds))
            if wait(0):
                return


def poisoned(site: Site, wait: Wait) -> None:
    """Values change places, or their last octets, as fast as somebody else can."""
    cursor = "0"
    while not wait(0.02):
        cursor = site.cli("eval", _SWAP, "0", cursor).strip() or "0"


FAULTS: Final[dict[str, Fault]] = {
    one.__name__: one for one in (healthy, killed, hung, emptied, full, cut_off, slow, poisoned)
}


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
