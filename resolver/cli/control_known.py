"""What the daemon says of caches, servers and single names, for people: lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.cli.control_geo import far, geography, pops, probe, which
from resolver.cli.control_parts import table
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Reply = dict[str, Any]
    Shown = Callable[[Reply], Iterator[str]]

_GAP: Final = "  "


# --- flush, cache ------------------------------------------------------------------------------


def flush(reply: Reply) -> Iterator[str]:
    """How much went, from where."""
    counted = [f"{count} {where.replace('_', ' ')}" for where, count in reply["forgotten"].items()]
    yield "forgotten: " + ", ".join(counted)


def cache_show(reply: Reply) -> Iterator[str]:
    """An entry a paragraph: what it is, what it is worth, its records."""
    if not reply["entries"]:
        yield f"nothing is kept of {reply['name']}"
    for entry in reply["entries"]:
        yield f"{entry['level']}: {entry['kind']} {entry['type']}{_worth(entry)}"
        for line in (*entry.get("records", ()), *_proof(entry), *_cut(entry)):
            yield _GAP + line
        for error in entry.get("extended_errors", ()):
            yield _GAP + error


def _worth(entry: Reply) -> str:
    parts = [str(entry[key]) for key in ("rcode", "rank", "status") if key in entry]
    if "zone" in entry:
        parts.append(f"from {entry['zone']}")
    if "left_s" in entry:
        parts.append(_left(entry["left_s"]) + f" (TTL {entry['ttl']})")
    if entry.get("stale_left_s"):
        parts.append(f"stale for {duration(entry['stale_left_s'])} at most")
    if "failed_s_ago" in entry:
        parts.append(f"{duration(entry['failed_s_ago'])} ago")
        parts.append(f"asked again in {duration(entry['asked_again_in_s'])}")
    parts += [f"{key} {entry[key]}" for key in ("use", "count", "score") if key in entry]
    return ": " + ", ".join(parts) if parts else ""


def _left(left_s: float) -> str:
    return f"{duration(left_s)} left" if left_s > 0 else f"over for {duration(-left_s)}"


def _proof(entry: Reply) -> Iterable[str]:
    return (f"proof: {line}" for line in entry.get("proof", ()))


def _cut(entry: Reply) -> Iterator[str]:
    if "nameservers" in entry:
        yield "nameservers: " + ", ".join(entry["nameservers"])
        yield "addresses: " + (", ".join(entry["addresses"]) or "none")


def cache_dump(reply: Reply) -> Iterator[str]:
    """Its lines, as they are."""
    yield from reply["lines"]


# --- servers and queries -------------------------------------------------------------------------


def servers(reply: Reply) -> Iterator[str]:
    """A table, the nearest first."""
    if "zone" in reply:
        yield f"zone {reply['zone']}" + (
            f", {reply['configured']}" if "configured" in reply else ""
        )
    else:
        away = f"{reply['typical_rtt_ms']:g} ms away on the whole"
        yield f"{reply['known']} servers are known, {away}"
        yield from geography(reply["geography"])
    yield from server_table(reply["servers"])
    if reply.get("without_address"):
        yield "no address is known yet of " + ", ".join(reply["without_address"])
    if reply["known"] > len(reply["servers"]):
        yield f"… and {reply['known'] - len(reply['servers'])} more"


def server_table(rows: Sequence[Reply]) -> Iterator[str]:
    """Servers, one a line."""
    if rows:
        heads = ("ADDRESS", "RTT", "STATE", "ANSWERS", "LAST", "EDNS", "COOKIES", "DISTANCE",
                 "INSTANCE", "NAME")  # fmt: skip
        yield from table([heads, *map(_server, rows)])


def _server(row: Reply) -> tuple[str, ...]:
    port = "" if row["port"] == 53 and row["transport"] == "udp" else f"#{row['port']}"  # noqa: PLR2004
    transport = "" if row["transport"] == "udp" else f" {row['transport']}"
    rtt = "" if row["rtt_ms"] is None else f"{row['rtt_ms']:.1f} ms"
    state = row["state"]
    if "passed_over" in row:
        state += f", {row['passed_over']} for {duration(row['passed_over_s'])}"
    ago = row.get("answered_s_ago")
    return (
        row["address"] + port + transport, rtt, state, str(row.get("answers", 0)),
        "never" if ago is None else f"{duration(ago)} ago",
        row.get("edns", "unknown"), row.get("cookies", "unknown"), far(row), which(row),
        row.get("nameserver") or row.get("name") or "",
    )  # fmt: skip


def queries(reply: Reply) -> Iterator[str]:
    """Two tables: what is resolved, and who is waited for."""
    yield (
        f"{reply['clients_waiting']} clients wait, {reply['resolving']} questions are resolved, "
        f"{reply['asked']} packets are on their way"
    )
    if reply["by_view"].keys() - {"default"}:
        counts = sorted(reply["by_view"].items())
        yield "by view: " + ", ".join(f"{view} {count}" for view, count in counts)
    if reply["questions"]:
        yield ""
        heads = ("QUESTION", "AGE", "JOINED", "WAITS FOR")
        rows = [
            (f"{one['name']} {one['type']}", f"{one['age_ms']:.0f} ms", str(one["joined"]),
             ", ".join(one["waits_for"]))
            for one in reply["questions"]
        ]  # fmt: skip
        yield from table([heads, *rows])
    if reply["servers"]:
        yield ""
        packets = [
            (one["address"], f"{one['age_ms']:.0f} ms", one["state"],
             f"{one['name']} {one['type']}", one["zone"])
            for one in reply["servers"]
        ]  # fmt: skip
        yield from table([("SERVER", "AGE", "STATE", "ASKED", "ZONE"), *packets])


# --- trace and why -------------------------------------------------------------------------------


class Trace:
    """Steps are numbered as they come, as `resolver trace` does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, reply: Reply) -> Iterator[str]:
        if "step" in reply:
            self.count += 1
            yield f"{self.count:3} {reply['step']['text']}"
        elif "answer" in reply:
            if reply["steps"] > self.count:
                yield f"… and {reply['steps'] - self.count} steps more"
            yield from _answer(reply["answer"])
            if reply["chain"]:
                yield from ("", ";; CHAIN OF TRUST")
                yield from (f"{line['name']:<20} {line['text']}" for line in reply["chain"])


def _answer(answer: Reply) -> Iterator[str]:
    asked, took = answer["question"], f"{answer['elapsed_ms']:.0f} ms"
    security = "not validated" if answer["security"] == "unchecked" else answer["security"]
    yield ""
    sources = ", ".join(answer["sources"]) or "here"
    yield f";; {answer['status']}, {security}, {took}, from {sources}"
    yield from (f";; {error['text']}" for error in answer["extended_errors"])
    yield from ("", ";; QUESTION", f";{asked['name']} {asked['class']} {asked['type']}")
    for section in ("answer", "authority"):
        records = [one for one in answer[section] if one["type"] not in _PROOFS]
        if records:
            yield from ("", f";; {section.upper()}")
            for one in records:
                yield " ".join(str(one[key]) for key in ("name", "ttl", "class", "type", "data"))


_PROOFS: Final = ("RRSIG", "NSEC", "NSEC3")


def why(reply: Reply) -> Iterator[str]:
    """The sentence first."""
    yield reply["because"]
    yield from (f"in another worker: {said}" for said in reply.get("elsewhere", ()))
    if reply["views"]:
        yield ""
        yield from table([("VIEW", "ANSWERED HERE"), *reply["views"].items()])
    if reply["policy"]:
        yield ""
        yield from (f"policy, {one['step']}: {one['does']}" for one in reply["policy"])
    for link in reply["links"]:
        yield ""
        yield f"{link['name']} {link['type']}: {_link(link)}"
        yield from (_GAP + line for line in (*link.get("records", ()), *_renewed(link)))
        for kind in ("failure", "bogus"):
            if kind in link:
                yield f"{_GAP}{kind} {link[kind]}"
    for cut in reply["cuts"]:
        yield from ("", *_zone(cut))
    if reply["trust"]:
        yield from ("", "trust:")
        yield from (f"{_GAP}{row['zone']}: {_trusted(row)}" for row in reply["trust"])
    way = reply.get("way")
    if way:
        state = "up" if way["is_up"] else "DOWN"
        yield from ("", f"link to {way['is']}: {state}{_last(way['answered_s_ago'])}")


def _renewed(link: Reply) -> Iterator[str]:
    if "renewal" in link:
        in_s = link["renewal"]["in_s"]
        soon = "" if in_s is None else f", in {duration(in_s)}"
        yield f"renewed {link['renewal']['when']}{soon}"


def _zone(cut: Reply) -> Iterator[str]:
    left = "does not expire" if cut["left_s"] is None else _left(cut["left_s"])
    signed = "signed" if cut["signed"] else "unsigned"
    yield f"zone {cut['zone']}: {signed}, {left}" + (", asked next" if cut["is_next"] else "")
    if cut["asks"]:
        yield f"{_GAP}would ask {cut['asks']}"
    yield from (_GAP + line for line in server_table(cut["servers"]))


def _last(ago: float | None) -> str:
    return ", nobody ever answered" if ago is None else f", somebody answered {duration(ago)} ago"


def _link(link: Reply) -> str:
    if "verdict" not in link:
        return str(link["state"])
    left = _left(link["left_s"])
    return f"{link['state']}, {link['verdict']}, {link['status']}, from {link['zone']}, {left}"


def _trusted(row: Reply) -> str:
    parts = []
    if "anchor" in row:
        parts.append("trust anchor " + ", ".join(map(str, row["anchor"])))
    if "negative_anchor_left_s" in row:
        left_s = row["negative_anchor_left_s"]
        parts.append("negative anchor" + ("" if left_s is None else f", {_left(left_s)}"))
    if "status" in row:
        keys = ", ".join(map(str, row["keys"]))
        parts.append(
            row["status"] + (f", keys {keys}" if keys else "") + f", {_left(row['left_s'])}"
        )
    if "flaw" in row:
        parts.append(row["flaw"])
    return "; ".join(parts)


# --- what an operator decided --------------------------------------------------------------------


def nta_list(reply: Reply) -> Iterator[str]:
    """One a line."""
    for one in reply["negative_anchors"]:
        left = "no end" if one["left_s"] is None else _left(one["left_s"])
        yield f"{one['name']}: {left}, set by {one['from']}"
    if not reply["negative_anchors"]:
        yield "no negative trust anchor"


def nta_changed(reply: Reply) -> Iterator[str]:
    """What counts now."""
    gone = f"{reply['forgotten']} entries of caches were forgotten"
    if "until" in reply:
        yield f"{reply['name']} is not validated until {_time(reply['until'])}; {gone}"
    else:
        yield f"{reply['name']} is validated again; {gone}"


def _time(wall: float) -> str:
    import datetime as dt  # noqa: PLC0415  # for two verbs

    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def stale(reply: Reply) -> Iterator[str]:
    """How it is."""
    words = {
        "auto": "as configured", "on": "on, whatever is configured", "off": "off",
        "now": "at once, as in an outage",
    }  # fmt: skip
    told = "are told where asking fails" if reply["is_served"] else "are not told"
    yield f"stale: {words[reply['mode']]}; expired answers {told}"
    if reply["is_served"]:
        yield f"for {duration(reply['most_s'])} at most, with a TTL of {reply['ttl']} s"


def warm(reply: Reply) -> Iterator[str]:
    """The list, or what was done."""
    if "names" not in reply:
        always = "always" if reply["kept_warm"] else "as long as it is used"
        yield f"{reply['name']} {reply['type']} is kept warm {always}"
        return
    yield (
        f"{reply['known']} questions in use, {reply['renewed']} renewals, "
        f"{reply['budget_packets']} packets left for guesses"
    )
    rows = [
        (one["name"], one["type"], "by hand" if one["by_hand"] else f"{one['score']:.2f}",
         f"{one['chance']:.2f}", f"{duration(one['used_s_ago'])} ago", _left(one["left_s"]))
        for one in reply["names"]
    ]  # fmt: skip
    if rows:
        yield from table([("NAME", "TYPE", "SCORE", "CHANCE", "USED", "TTL"), *rows])
    if reply["known"] > len(rows):
        yield f"… and {reply['known'] - len(rows)} more"


def zones(reply: Reply) -> Iterator[str]:
    """Which fail, the latest first, and which are slow."""
    yield f"{reply['known']} zones were asked"
    if reply["failing"]:
        heads = ("FAILING", "FAILED", "ASKED", "LAST", "REASON")
        rows = [
            (one["zone"], str(one["failed"]), str(one["asked"]),
             f"{duration(one['failed_s_ago'])} ago", one["reason"])
            for one in reply["failing"]
        ]  # fmt: skip
        yield ""
        yield from table([heads, *rows])
    if reply["slow"]:
        slow = [
            (one["zone"], str(one["asked"]), f"{one['mean_ms']:.1f} ms",
             f"{one['longest_ms']:.1f} ms")
            for one in reply["slow"]
        ]  # fmt: skip
        yield ""
        yield from table([("SLOWEST", "ASKED", "MEAN", "LONGEST"), *slow])


FORMS: Final[dict[str, Shown]] = {
    "flush": flush, "cache show": cache_show, "cache dump": cache_dump, "servers": servers,
    "pops": pops, "probe": probe, "queries": queries, "trace": Trace(), "why": why,
    "nta list": nta_list, "nta add": nta_changed, "nta remove": nta_changed, "stale": stale,
    "warm": warm, "zones": zones,
}  # fmt: skip
