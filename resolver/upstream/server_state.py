"""One server address: how soon it answers, whether it does, what it can.

What a zone can influence (lameness, REFUSED, silence) is kept by zone, and becomes the address's
own trait only once two unrelated zones agree, or ICMP says so (Disablance, CCS 2023). No I/O, no
clock: *now* is trio's time, passed in. RFC 6298 (SRTT), RFC 6891 §6.2.2 (EDNS), RFC 7873 (cookies).
"""

from __future__ import annotations

import enum
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver import limits
from resolver.limits import (
    EXPIRY_FLOOR_SECONDS,
    EXPIRY_UNKNOWN_SECONDS,
    FIRST_DEVIATION_PART,
    HEDGE_FLOOR_SECONDS,
    HEDGE_JITTER_SECONDS,
    HEDGE_UNKNOWN_SECONDS,
    OVERDUE_FLOOR_SECONDS,
    OVERDUE_UNKNOWN_SECONDS,
    OWNER_DOMAINS,
    OWNER_DOMAINS_PER_ADDRESS,
    REVIVE_CEILING_SECONDS,
    REVIVE_SECONDS,
    RTT_GAIN_DOWN,
    RTT_GAIN_UP,
    RTT_GAIN_VARIANCE,
)
from resolver.protocol.names import suffix
from resolver.protocol.transport import Transport
from resolver.upstream.instance_watch import JUMP_DOWN, JUMP_UP, InstanceWatch

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Name, Verdict

_V6_GROUPS = 3
TURNS: Final = b""
"""Of no zone: a mark there says that instances take turns. So who has no marks is soon chosen."""


class EdnsState(enum.Enum):
    """What a server was seen to do with EDNS queries."""

    UNKNOWN = "unknown"
    WORKS = "works"
    BROKEN = "broken"


class Hint(NamedTuple):
    """What an earlier run measured, as a guess for this one: log of the RTT, log-normal spread.

    *measured_at*: on trio's clock, before its beginning perhaps.
    """

    log_rtt: float
    spread: float
    measured_at: float = -math.inf


class Habits(NamedTuple):
    """What a server does with options, as plain values that may outlive the process.

    *edns*: an `EdnsState`'s value. `…_left_s`: seconds for which it is asked without EDNS, without
    a cookie, in lower case only; 0 if it is not.
    """

    edns: str = EdnsState.UNKNOWN.value
    edns_left_s: float = 0.0
    cookies_left_s: float = 0.0
    case_left_s: float = 0.0
    bears_cookies: bool = False
    bears_mixing: bool = False


class Mark(NamedTuple):
    """Why an address is passed over for one zone, and until when.

    ANSWER: it was, and is of use after all; it is not to be marked again so soon.
    """

    verdict: Verdict
    until: float


@lru_cache(maxsize=OWNER_DOMAINS)
def owner_domain_of(zone: Name) -> Name:
    """The last two labels of a zone: zones of one owner count as one witness, not as several.

    Coarser than the public suffix list, which is the safe side: fewer witnesses, never more.
    """
    return suffix(zone, 2)


def prefix_of(host: str) -> str:
    """The /24 or /48 of an address, as text that serves as a key: what is routed as one."""
    if ":" not in host:
        return host.rpartition(".")[0]
    head, _, tail = host.partition("::")
    groups = head.split(":") if head else []
    if len(groups) < _V6_GROUPS and tail:
        rest = tail.split(":")
        groups += ["0"] * (8 - len(groups) - len(rest)) + rest
    return ":".join((groups + ["0"] * _V6_GROUPS)[:_V6_GROUPS])


class ServerState:
    """One address. *n* answers made *srtt* and *var*; *fails* counts silences since the last.

    How long is long follows from *srtt* and *var*, and is settled with them: after *hedge_s* a
    reply is later than the server's own distribution allows, at the age of *overdue_s* a packet
    casts doubt on the server, at *expiry_s* it counts as lost.
    """

    __slots__ = (
        "bears_cookies",
        "bears_mixing",
        "case_broken_until",
        "cookie",
        "cookie_silences",
        "doubts",
        "edns",
        "edns_silences",
        "edns_until",
        "expiry_s",
        "fails",
        "hedge_s",
        "hint",
        "is_encrypted",
        "is_ipv6",
        "is_unreachable",
        "key",
        "marks",
        "n",
        "no_cookies_until",
        "overdue_s",
        "prefix",
        "probed_at",
        "server_cookie",
        "silent_domains",
        "srtt",
        "streams",
        "t_fail",
        "t_ok",
        "tcp_failed_at",
        "var",
        "waiting",
        "was_used",
        "watch",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.is_ipv6 = ":" in key[0]
        self.is_encrypted = key[2] not in (Transport.UDP, Transport.TCP)
        self.prefix = prefix_of(key[0])
        self.srtt = 0.0
        self.var = 0.0
        self.n = 0
        self.hedge_s = HEDGE_UNKNOWN_SECONDS
        self.overdue_s = OVERDUE_UNKNOWN_SECONDS
        self.expiry_s = EXPIRY_UNKNOWN_SECONDS
        self.hint: Hint | None = None
        self.t_ok = -math.inf
        self.t_fail = -math.inf
        self.probed_at = -math.inf
        self.fails = 0
        self.is_unreachable = False
        self.waiting: dict[Name, float] = {}
        self.silent_domains: set[Name] = set()
        self.marks: dict[Name, Mark] = {}
        self.was_used = False
        self.edns = EdnsState.UNKNOWN
        self.edns_until = math.inf
        self.edns_silences = 0
        self.cookie = b""
        self.server_cookie = b""
        self.bears_cookies = False
        self.bears_mixing = False
        self.cookie_silences = 0
        self.no_cookies_until = -math.inf
        self.tcp_failed_at = -math.inf
        self.streams = 0  # questions on their way over TCP
        self.case_broken_until = -math.inf
        self.doubts = 0  # last resorts over UDP that were answered
        self.watch = InstanceWatch()

    def __repr__(self) -> str:
        rtt = f"{self.srtt * 1000:.1f}±{self.var * 1000:.1f} ms" if self.n else "unmeasured"
        return f"<ServerState {self.key[0]} {rtt} n={self.n} fails={self.fails}>"

    # --- is it there -----------------------------------------------------------------------

    def is_overdue(self, owner_domain: Name, now: float) -> bool:
        """In-flight age: something sent since the last answer is later than this server ever was.

        Another owner_domain's silence counts only if a second owner_domain's agrees.
        """
        waiting = self.waiting
        if not waiting:
            return False
        since = now - self.overdue_s
        own = waiting.get(owner_domain)
        if own is not None and own < since:
            return True
        return len(waiting) > 1 and sum(at < since for at in waiting.values()) > 1

    def is_silent(self, owner_domain: Name, *, losses: int = 1) -> bool:
        """Expired without an answer since: for this owner domain, for two of them, or by ICMP.

        So many *losses* in a row of one that used to answer are lost packets, not a dead server.
        """
        if self.is_unreachable:
            return True
        if not self.fails or (self.fails <= losses and self.n):
            return False
        return len(self.silent_domains) > 1 or owner_domain in self.silent_domains

    def may_revive(self, now: float) -> bool:
        """True when a silent server is due for a probe: 15 s, doubling to 15 minutes.

        One that never answered is most likely gone for good: two steps further on.
        """
        steps = self.fails - 1 if self.n else self.fails + 1
        wait = min(REVIVE_CEILING_SECONDS, REVIVE_SECONDS * 2.0 ** min(steps, 10))
        return now - max(self.t_fail, self.probed_at) >= wait

    @property
    def expected_rtt_s(self) -> float:
        """Seconds that it takes to answer, as measured now or before a restart; 0: not known."""
        if self.n or self.hint is None:
            return self.srtt
        return math.exp(self.hint.log_rtt)

    # --- what happened ---------------------------------------------------------------------

    def expect(self, hint: Hint) -> None:
        """What an earlier run measured sets how long is long, until something is measured."""
        self.hint = hint
        rtt_s = self.expected_rtt_s
        latest_s = rtt_s * math.exp(2 * hint.spread) + HEDGE_JITTER_SECONDS
        self.hedge_s = min(HEDGE_UNKNOWN_SECONDS, max(HEDGE_FLOOR_SECONDS, latest_s))
        self.overdue_s = max(OVERDUE_UNKNOWN_SECONDS, 3 * rtt_s)
        self.expiry_s = max(EXPIRY_UNKNOWN_SECONDS, 4 * rtt_s)

    def be_patient(self, times: float) -> None:
        """Nobody is near: until it is measured it has *times* as long."""
        self.hedge_s *= times
        self.overdue_s *= times
        self.expiry_s *= times

    def note_sent(self, owner_domain: Name, now: float) -> None:
        if owner_domain not in self.waiting and len(self.waiting) < OWNER_DOMAINS_PER_ADDRESS:
            self.waiting[owner_domain] = now

    def note_answer(self, rtt_s: float, now: float) -> None:
        """An answer, late or not, to anything: it lives, and all doubt about it is gone."""
        watch = self.watch
        if not self.n:
            srtt = rtt_s
            var = rtt_s / FIRST_DEVIATION_PART
        else:
            delta = rtt_s - self.srtt
            if watch.jump or delta > JUMP_UP * self.srtt or -delta > JUMP_DOWN * self.srtt:
                watch.note_jump(rtt_s, self.srtt)
            srtt = self.srtt + (RTT_GAIN_UP if delta > 0 else RTT_GAIN_DOWN) * delta
            var = self.var + RTT_GAIN_VARIANCE * (abs(delta) - self.var)
        self.srtt = srtt
        self.var = var
        self.hedge_s = max(
            HEDGE_FLOOR_SECONDS, srtt + max(3 * var, 0.1 * srtt, HEDGE_JITTER_SECONDS)
        )
        self.overdue_s = max(OVERDUE_FLOOR_SECONDS, 3 * srtt, srtt + 6 * var)
        self.expiry_s = max(EXPIRY_FLOOR_SECONDS, 4 * srtt, srtt + 8 * var)
        self.n += 1
        if rtt_s < watch.least_s or now >= watch.least_until:
            watch.note_least(rtt_s, srtt, now)
        if self.fails or self.is_unreachable or self.silent_domains:
            self.note_alive(now)
        self.t_ok = now
        self.waiting.clear()

    def note_alive(self, now: float) -> None:
        """A sign of life that says nothing about the RTT (TCP)."""
        self.t_ok = now
        self.fails = 0
        self.is_unreachable = False
        self.waiting.clear()
        self.silent_domains.clear()

    def note_silence(self, owner_domain: Name, sent_at: float, now: float) -> None:
        """A packet expired, and nothing came from here since it was sent.

        Those sent before the last silence was noticed belong to that one.
        """
        self.waiting.pop(owner_domain, None)
        if sent_at >= self.t_fail or not self.fails:
            self.fails += 1
            self.t_fail = now
        if len(self.silent_domains) < OWNER_DOMAINS_PER_ADDRESS:
            self.silent_domains.add(owner_domain)

    def note_unreachable(self, owner_domain: Name, now: float) -> None:
        """ICMP said so: no zone can forge that, so it counts for all at once."""
        self.note_silence(owner_domain, now, now)
        self.is_unreachable = True

    # --- what it can -----------------------------------------------------------------------

    def knows_edns(self, now: float) -> bool:
        """False while the server is remembered as broken by EDNS; tried again afterwards."""
        if self.edns is EdnsState.BROKEN and now >= self.edns_until:
            self.edns = EdnsState.UNKNOWN
        return self.edns is not EdnsState.BROKEN

    def note_edns(self, state: EdnsState, now: float) -> None:
        self.edns = state
        self.edns_silences = 0
        if state is EdnsState.BROKEN:
            self.edns_until = now + limits.EDNS_BROKEN_SECONDS

    def note_no_cookies(self, now: float) -> None:
        """The server answers without a cookie only; tried again after a while."""
        self.no_cookies_until = now + limits.EDNS_BROKEN_SECONDS
        self.bears_cookies = False
        self.cookie_silences = 0
        self.server_cookie = b""

    def habits(self, now: float) -> Habits:
        """What is known of what it can, for `take_back` in another run."""
        edns = self.edns if self.knows_edns(now) else EdnsState.BROKEN
        return Habits(
            edns.value,
            _left_s(self.edns_until, now) if edns is EdnsState.BROKEN else 0.0,
            _left_s(self.no_cookies_until, now),
            _left_s(self.case_broken_until, now),
            self.bears_cookies,
            self.bears_mixing,
        )

    def take_back(self, habits: Habits, *, age_s: float, silent_s: float, now: float) -> None:
        """Go by what was known of it *age_s* seconds ago. It last answered *silent_s* ago.

        What it cannot is tried again as soon as it would have been. What it can counts for
        SERVER_HABITS_SECONDS from then, so that a start opens no way to take EDNS or cookies from
        it. Raises ValueError if the state is none.
        """
        edns = EdnsState(habits.edns)
        edns_s, cookies_s, case_s = (_still_s(left_s, age_s) for left_s in habits[1:4])
        if edns is EdnsState.BROKEN and edns_s:
            self.edns, self.edns_until = edns, now + edns_s
        if cookies_s:
            self.no_cookies_until = max(self.no_cookies_until, now + cookies_s)
        if case_s:
            self.case_broken_until = max(self.case_broken_until, now + case_s)
        if silent_s <= limits.SERVER_HABITS_SECONDS:
            self.bears_cookies = habits.bears_cookies
            self.bears_mixing = habits.bears_mixing
            if edns is EdnsState.WORKS:
                self.edns = edns

    def may_bear_tcp(self, now: float) -> bool:
        """False for a while after a connection failed: who is mute on UDP is mostly just dead."""
        return not self.is_encrypted and now - self.tcp_failed_at >= limits.TCP_BROKEN_SECONDS


_MOST_S = max(limits.EDNS_BROKEN_SECONDS, limits.CASE_BROKEN_SECONDS)


def _left_s(until: float, now: float) -> float:
    """Seconds from *now* to *until*; of what is for ever, as many as would be begun with."""
    return round(min(max(until - now, 0.0), _MOST_S), 1)


def _still_s(left_s: float, age_s: float) -> float:
    """What is left of *left_s* after *age_s*; never more than what is ever begun with."""
    return max(min(left_s, _MOST_S) - age_s, 0.0)
