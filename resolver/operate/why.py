"""why: what the daemon knows of a name now, from whom it would ask to what it would say.

No packet is sent. The alias chain link by link, as far as it is kept; the zone cuts above the name
with their servers; the chain of trust; what failed and since when; and in one sentence whose fault
it is, if it is anybody's: theirs, our link's, or the operator's own.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final

import trio
from msgspec import Meta

from resolver.limits import CHAIN_LENGTH, SHOWN_ROWS
from resolver.model import EVERYBODY, NOT_JUDGED, Question
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, question_of
from resolver.operate.cache_text import records
from resolver.operate.geography import Geography
from resolver.operate.renewal import renewal
from resolver.operate.server_rows import condition
from resolver.operate.servers import cut_rows
from resolver.operate.touched import said, touched
from resolver.operate.verb import WORD, Arguments, Misused, Right, Verb
from resolver.protocol import names
from resolver.recurse.alias_chain import leads_on, weakest
from resolver.recurse.known import alias_target
from resolver.runtime.duration import duration
from resolver.telemetry.presentation import ede_text, type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.cache.failure import Failure
    from resolver.model import Delegation, Name
    from resolver.operate.server_rows import Row
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running
    from resolver.upstream.way import Way

_SERVERS: Final = 16  # of each cut, in a table that is to be read
_MUTE: Final = ("late", "silent", "unreachable")
_TAMPERED: Final = "it is theirs, or somebody changes answers on the way"


class WhyArguments(Arguments, frozen=True, kw_only=True):
    """Name and type."""

    name: Annotated[str, Meta(description="domain name", max_length=LONGEST_NAME), WORD]
    type: Annotated[str, Meta(description="record type", max_length=LONGEST_TYPE), WORD] = "A"
    view: Annotated[
        str, Meta(description="as clients of this [[view]] are told", max_length=LONGEST_NAME)
    ] = "default"


async def why(daemon: Running, given: WhyArguments) -> Reply:
    """`because` is the sentence; times are in seconds. *views*: those that answer themselves."""
    question, parts = question_of(given.name, given.type), daemon.parts
    view = parts.views.named(given.view) or parts.views.default
    if given.view not in (view.view.name, EVERYBODY.name):
        known = ", ".join(path.view.name for path in parts.views.paths)
        raise Misused(f"there is no view {given.view[:80]!r}, but {known}")
    told = parts.pipeline.before(question, view.view.name)
    policy = touched(parts, view, question)
    reply: Reply = {"name": names.to_text(question.qname), "type": type_text(question.qtype)}
    reply |= {"view": view.view.name, "views": _by_view(parts, question), "policy": policy}
    if told is not None and told.onward is None:
        because = f"it is answered here, without asking anybody ({said(told)})"
        return reply | {"because": because, "links": [], "cuts": [], "trust": []}
    here = ""
    if told is not None and told.onward is not None:
        here = f"{names.to_text(question.qname)} is made {said(told)} here; "
        question = told.onward
    links = list(_links(parts, question))
    wanting = next((link for link in links if not link.is_told), links[-1])
    return (
        reply
        | {
            "because": here + _because(parts, links, wanting),
            "links": [_of_link(parts, link) for link in links],
            "cuts": list(_cuts(parts, links, parts.walker.closest(wanting.question))),
            "trust": list(_trust(parts, links)),
            "way": _way(parts, wanting.question),
        }
        | _link_zone(daemon, wanting.question)
    )


def _by_view(parts: Parts, question: Question) -> dict[str, str]:
    """What views answer themselves; nothing where there is but one view."""
    if parts.views.only is not None:
        return {}
    found = {path: parts.pipeline.before(question, path.view.name) for path in parts.views.paths}
    return {path.view.name: said(told) for path, told in found.items() if told is not None}


class _Known:
    """One link of the alias chain: what is kept of it, though it be over, and what went wrong."""

    def __init__(self, parts: Parts, question: Question) -> None:
        memory, now = parts.memory, parts.clock.now()
        self.question = question
        self.failure = memory.failures.entries.get(question)  # though it may be asked again
        self.bogus = memory.bogus.entries.get(question)
        fresh = memory.recall(question, now)
        self.link = fresh or memory.peek(question, now)
        self.is_fresh = fresh is not None
        kept = None if self.is_fresh else memory.kept(question)
        self.over_s = 0.0 if kept is None else max(now - kept.expires_at, 0.0)
        is_judged = self.link is not None and self.link.status not in NOT_JUDGED
        self.is_told = self.is_fresh and (is_judged or not memory.is_checked)

    @property
    def leads_to(self) -> Question | None:
        link = self.link
        if link is None or not leads_on(link):
            return None
        return Question(alias_target(link), self.question.qtype)

    @property
    def asked(self) -> str:
        return f"{names.to_text(self.question.qname)} {type_text(self.question.qtype)}"


def _links(parts: Parts, question: Question) -> Iterator[_Known]:
    asked: Question | None = question
    seen: set[Question] = set()
    while asked is not None and asked not in seen and len(seen) < CHAIN_LENGTH:
        seen.add(asked)
        known = _Known(parts, asked)
        yield known
        asked = known.leads_to


# --- in one sentence ---------------------------------------------------------------------------


def _because(parts: Parts, links: list[_Known], wanting: _Known) -> str:
    """Of the name that was asked for, by all its aliases; *wanting*: the first that is not told."""
    first, last = links[0], links[-1]
    before = ""
    if wanting is not first:
        before = f"{first.asked} is an alias to {names.to_text(wanting.question.qname)}; "
    if not wanting.is_told:
        return before + _sentence(parts, wanting)
    if last.leads_to is not None:
        is_circle = any(last.leads_to == link.question for link in links)
        how = "lead in a circle" if is_circle else f"are more than {CHAIN_LENGTH - 1}"
        return f"{first.asked} fails, for its aliases {how}: it is theirs"
    by = "" if last is first else f", an alias to {names.to_text(last.question.qname)},"
    status = weakest({link.link.status for link in links if link.link is not None}).value
    return f"{first.asked}{by} is told from memory for {min(map(_left_s, links))} s still, {status}"


def _sentence(parts: Parts, known: _Known) -> str:
    now, question = parts.clock.now(), known.question
    cut = parts.walker.closest(question)
    asked = known.asked
    if known.bogus is not None:
        return f"{asked} failed validation {_since(known.bogus, now)}; {_TAMPERED}"
    if known.is_fresh:
        return f"{asked} is kept, but unchecked: it is validated when somebody asks for it"
    way = parts.dispatcher.ways.of(cut)
    if way.is_cut(trio.current_time()):
        why = f"our own link is down: nobody answers on the way to {way}{_evidence(way)}"
    elif known.failure is not None:
        why = (
            f"{asked} failed {_since(known.failure, now)}; {_servers_are(parts, cut, failed=True)}"
        )
    else:
        why = f"{asked} is not known; {_servers_are(parts, cut)}"
    if known.link is not None and known.link.status not in NOT_JUDGED:
        over = duration(known.over_s)
        why += f"; what is kept has been over for {over}, and is told where nobody answers"
    return why


def _evidence(way: Way) -> str:
    """What says so: the kernel, or silence."""
    now, last = trio.current_time(), way.reach.last_answer
    if way.reach.has_no_route(now):
        return ", there is no route"
    return ", nobody ever did" if last == -math.inf else f", for {duration(now - last)}"


def _since(failure: Failure, now: float) -> str:
    since = duration(max(now - (failure.until - failure.wait_s), 0.0))
    left_s = failure.until - now
    again = f"is asked again in {duration(left_s)}" if left_s > 0 else "is asked when it is wanted"
    texts = "; ".join(ede_text(*ede) for ede in failure.ede) or "no reason is known"
    return f"{since} ago, and {again}: {texts}"


def _servers_are(parts: Parts, cut: Delegation, *, failed: bool = False) -> str:
    """Is it theirs to answer, and do they?"""
    zone, servers = names.to_text(cut.zone), cut.servers()
    found = [parts.infra.states.get(server.key) for server in servers]
    states = [state for state in found if state is not None]
    if not servers:
        return f"no address of a server of {zone} is known" + (": it is theirs" if failed else "")
    mute = [state for state in states if condition(state) in _MUTE]
    if len(mute) == len(servers):
        last = max(state.t_ok for state in states)
        ago = f" for {duration(trio.current_time() - last)}" if last > -math.inf else ""
        return f"no server of {zone} ({len(servers)}) has answered{ago}: it is theirs"
    answering = sum(condition(state) == "answers" for state in states)
    if failed and answering:
        return (
            f"servers of {zone} answer, {answering} of {len(servers)}, but not this: it is theirs"
        )
    return f"servers of {zone} would be asked, {len(servers) - len(mute)} of {len(servers)}"


# --- link by link ------------------------------------------------------------------------------


def _of_link(parts: Parts, known: _Known) -> dict[str, Any]:
    question, link, now = known.question, known.link, parts.clock.now()
    row: dict[str, Any] = {
        "name": names.to_text(question.qname),
        "type": type_text(question.qtype),
        "state": _state(known),
    }
    if link is not None:
        row |= {
            "verdict": link.verdict.value,
            "status": link.status.value,
            "zone": names.to_text(link.zone),
            "left_s": _left_s(known) if known.is_fresh else -round(known.over_s),
            "renewal": renewal(parts, question, _left_s(known)),
            "records": [line for rrset in link.answer for line in records(rrset)][:SHOWN_ROWS],
        }
    for kind, failure in (("failure", known.failure), ("bogus", known.bogus)):
        if failure is not None:
            row[kind] = _since(failure, now)
    return row


def _state(known: _Known) -> str:
    if known.is_told:
        return "kept"
    if known.bogus is not None:
        return "bogus"
    if known.is_fresh:
        return "unchecked"
    if known.failure is not None:
        return "failed"
    return "over" if known.link is not None else "unknown"


def _left_s(known: _Known) -> int:
    link = known.link
    found = [] if link is None else [rrset.ttl for rrset in (*link.answer, *link.authority)]
    return min(found, default=0)


# --- zone cuts, trust, and the way there ---------------------------------------------------------


def _down(bottoms: Iterable[Name]) -> Iterator[Name]:
    """From the root down to each of *bottoms*, in their order; each zone once."""
    ways = (reversed(list(names.ancestors(bottom))) for bottom in bottoms)
    return iter(dict.fromkeys(chain.from_iterable(ways)))


def _cuts(parts: Parts, links: list[_Known], following: Delegation) -> Iterator[dict[str, Any]]:
    """From the root down to the closest that is known of each alias; *following* is asked next."""
    now, clock_now, anchors = trio.current_time(), parts.clock.now(), parts.anchors
    closest = {cut.zone: cut for cut in (parts.walker.closest(link.question) for link in links)}
    geography = Geography(parts)
    for zone in _down(closest):
        cut = closest.get(zone) or parts.walker.cut_of(zone)
        if cut is None:
            continue
        rows = cut_rows(parts, cut, now, geography)
        left_s = cut.expires_at - clock_now
        yield {
            "zone": names.to_text(zone),
            "is_next": zone == following.zone,
            "signed": cut.is_signed or (anchors is not None and zone in anchors.by_name),
            "left_s": None if math.isinf(left_s) else round(left_s),
            "known": len(rows),
            "asks": _whom(rows),
            "servers": rows[:_SERVERS],
        }


def _whom(rows: list[Row]) -> str:
    """Who of a cut would be asked now, as far as distance tells, in one sentence; "" for nobody."""
    able = [row for row in rows if row["state"] not in _MUTE and "passed_over" not in row]
    known = [row for row in able if row["rtt_ms"] is not None] or able
    if not known:
        return ""
    row = known[0]
    who = row.get("nameserver") or row.get("name") or row["address"]
    if "instance" in row:
        place = f" ({row['place']['text']})" if "place" in row else ""
        who += f" = {row['instance']}{place}"
    parts = [f"{row['rtt_ms']:.0f} ms" if row["rtt_ms"] is not None else "not measured"]
    if "distance" in row:
        parts.append(row["distance"])
    if "bound_km" in row:
        parts.append(f"{row['bound_km']} km at most")
    if "instance_since_s" in row:
        parts.append(f"for {duration(row['instance_since_s'])}")
    return f"{who}, {row['transport']}, {', '.join(parts)}"


def _trust(parts: Parts, links: list[_Known]) -> Iterator[dict[str, Any]]:
    """What is established of the zones above each alias, the anchor first."""
    anchors, wall, now = parts.anchors, parts.clock.wall(), parts.clock.now()
    if anchors is None:
        return
    waived = {anchors.waived(link.question.qname, wall) for link in links}
    for zone in _down(link.question.qname for link in links):
        trust = parts.keystore.peek(zone)
        row: dict[str, Any] = {"zone": names.to_text(zone)}
        if zone in anchors.by_name:
            row["anchor"] = sorted(anchors.by_name[zone].key_tags())
        if zone in waived:
            until = anchors.negative[zone]
            row["negative_anchor_left_s"] = None if math.isinf(until) else round(until - wall)
        if trust is not None:
            row |= {
                "status": trust.status.value,
                "keys": sorted(key.tag for key in trust.keys),
                "left_s": round(trust.expires_at - now),
            }
            if trust.flaw is not None:
                row["flaw"] = trust.flaw.sentence
        if len(row) > 1:
            yield row


def _way(parts: Parts, question: Question) -> dict[str, Any]:
    now = trio.current_time()
    way = parts.dispatcher.ways.of(parts.walker.closest(question))
    last = way.reach.last_answer
    return {
        "is": str(way),
        "is_up": not way.is_cut(now),
        "answered_s_ago": None if last == -math.inf else round(now - last, 1),
    }


def _link_zone(daemon: Running, question: Question) -> Reply:
    """Whose word it is that the zone above the name is forwarded, if it is a network link's."""
    zone = names.to_text(daemon.parts.walker.closest(question).zone)
    found = [one for one in daemon.link_zones if one.zone == zone]
    return {"link_zone": {"zone": zone, "link": found[0].link}} if found else {}


# --- of several workers --------------------------------------------------------------------------


def _of_all(replies: list[Reply]) -> Reply:
    """Of who has most to say: of what fails before what is kept, and that before what is not
    known. *elsewhere*: what others say to it, where that differs."""
    told = min(replies, key=_weight)
    others = (reply["because"] for reply in replies if _weight(reply) != _weight(told))
    elsewhere = list(dict.fromkeys(others))
    return told | ({"elsewhere": elsewhere} if elsewhere else {})


def _weight(reply: Reply) -> int:
    links = reply["links"]
    return _WEIGHTIER.index(links[-1]["state"]) if links else 0


_WEIGHTIER: Final = ("bogus", "failed", "kept", "unchecked", "over", "unknown")

WHY: Final = Verb(
    "why", Right.ACT, "what is known of a name, and whose fault it is", WhyArguments, why,
    merge=_of_all,
)  # fmt: skip
