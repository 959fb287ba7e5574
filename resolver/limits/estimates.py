"""Limits: estimates of time and gain. They choose and bound nothing: benches show what they do."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("estimates of time and gain: they choose, and bound nothing")

MISS_IN_HITS = limit(15, "hits that a miss costs more than one", why="our measurement")
OCTETS_IN_HIT = limit(
    1024,
    "octets of a stream that count as one hit more, whichever way they go",
    why="our measurement: to encrypt and hand over 60 kB is 0.3 ms; frames of HTTP/2 that ask "
    "nothing cost 60 µs a thousand at worst",
)
IDLE_SHORTEST_SECONDS = limit(
    0.001,
    "seconds below which the event loop is left to sleep by itself",
    why="a shorter sleep is not worth the detour",
)
IDLE_ALONE_SECONDS = limit(
    0.0001, "seconds between queries below which they are taken in batches", why="our measurement"
)
SUSPECT_COST = limit(
    10.0,
    "seconds added to what a suspect server is expected to take",
    why="beyond any RTT: suspects come after all others",
)
FAMILY_COST = limit(
    20.0, "seconds added where a whole address family seems dead", why="twice a suspect"
)
MARKED_COST = limit(
    100.0, "seconds added to a server that is marked for this zone", why="after everything else"
)
UNSTABLE_COST_PART = limit(
    0.15,
    "of its round trip that is added to a server whose instances take turns",
    why="who is as good as the best, and steady, is asked first",
)
UNSTABLE_COST_SECONDS = limit(
    0.001, "seconds that are added to it besides", why="below it jitter hides the difference"
)
HEARSAY_COST = limit(
    0.15,
    "seconds added to a server that is silent to other zones and never seen to answer",
    why="last among the unmeasured",
)
SIBLING_SPREAD = limit(
    0.2,
    "log-normal spread of an RTT guessed from the other family's address",
    why="measured: the same host, mostly the same path",
)
SIBLING_SHIFT = limit(
    0.05,
    "share by which that guess is longer",
    why="IPv6 paths are a little longer, where they differ",
)
PREFIX_SPREAD = limit(
    0.15,
    "log-normal spread of an RTT guessed from the same /24 or /48",
    why="neighbours are close together",
)
GLOBAL_SPREAD = limit(
    1.0,
    "log-normal spread of an RTT guessed from all that was measured",
    why="a factor of e either way",
)
TYPICAL_RTT_SECONDS = limit(
    0.06,
    "seconds that a server's RTT is taken for before any was measured",
    why="the middle of the Internet's RTTs",
)
STRANGER_FACTOR = limit(
    2.0,
    "times the gain that asking for one more address must bring",
    why="finding an address costs some packets more than probing one",
)
AFTER_RACE_FACTOR = limit(
    1.4,
    "times the gain that a probe just after a race must bring",
    why="most zones are never asked again",
)
PROBE_USES = limit(8, "uses of a server that make half the gain worth a probe", why="our choice")
HEDGE_STRANGER_SHARE = limit(
    0.7,
    "share of a typical RTT after which a stranger is hedged",
    why="sooner costs more packets than it gains",
)
RTT_GAIN_UP = limit(
    0.25,
    "weight of a longer RTT in the smoothed one",
    why="RFC 6298's 1/8 is for a sample per segment; here minutes may lie between two",
)
RTT_GAIN_DOWN = limit(
    0.5,
    "weight of a shorter RTT in the smoothed one",
    why="an improvement is believed fast: the next answer corrects a wrong one",
)
RTT_GAIN_VARIANCE = limit(
    0.25, "weight of a new deviation in the smoothed one", why="RFC 6298 §2.3"
)
FIRST_DEVIATION_PART = limit(
    8.0,
    "times its deviation that a first RTT is taken for",
    why="RTTs to one server vary by a few per cent, not by RFC 6298's half",
)
HEDGE_JITTER_SECONDS = limit(
    0.004, "seconds above the RTT before a hedge, however steady that was", why="our measurement"
)
RTT_GAIN_PRIOR = limit(0.05, "weight of an RTT in the picture of all servers", why="our choice")
HINT_SPREAD = limit(
    0.15, "log-normal spread of an RTT measured just before a restart", why="our choice"
)
HINT_SPREAD_SECONDS = limit(
    43_200.0, "seconds in which that spread grows by 1", why="half a day: routes change with it"
)
POPULAR_ANSWERS = limit(
    3,
    "answers of a server after which its zone's other nameservers are looked up",
    why="our choice",
)
PREFETCH_WINDOW_PART = limit(
    0.1, "of a TTL, at its end, in which it is renewed", why="Unbound's last tenth"
)
PREFETCH_WINDOW_SECONDS = limit(
    2.0, "seconds at the end of a TTL in which it is renewed, at least", why="BIND's 2"
)
PREFETCH_WINDOW_RTTS = limit(
    2.0, "round trips before the end of a TTL, at least", why="far servers need to be asked earlier"
)
CUT_RENEWAL_PART = limit(
    0.8, "of a zone cut's TTL, after which it is renewed", why="its names need it any moment"
)
WARM_HALF_LIFE_SECONDS = limit(
    259_200.0, "seconds in which a name's score halves", why="one popular day is over in a week"
)
WARM_SCORE_SECONDS = limit(
    3600.0, "seconds of use that count once in a name's score", why="a burst is one use"
)
WARM_GAIN = limit(
    0.2, "what the last TTL counts in how often a renewal saves a wait", why="bench.week"
)
WARM_FIRST_CHANCE = limit(
    0.4, "how often a renewal of a name saves a wait, before that is known", why="bench.week"
)
WARM_CHANCE = limit(
    0.5,
    "how often it must be, for its renewal without a hit, with the budget unspent",
    why="bench.week",
)
WARM_SURE_CHANCE = limit(
    0.8,
    "the same, where the budget is nearly spent",
    why="bench.week; what is left goes to the best",
)
WARM_HIT_CHANCE = limit(0.4, "the same as WARM_CHANCE, for its renewal on a hit", why="bench.week")
WARM_IDLE_TTLS = limit(2, "unused TTLs in a row after which a name rests", why="bench.week")
RHYTHM_GAPS = limit(3, "even gaps between uses after which the next is expected", why="bench.week")
RHYTHM_TOLERANCE = limit(
    0.3, "part of the mean gap by which an even one may differ from it", why="bench.week"
)
RHYTHM_SPREADS = limit(
    2.0,
    "mean deviations before and after its expected time within which a use is expected",
    why="of jitter that is spread evenly they are all",
)
RHYTHM_TTL_PART = limit(
    0.5, "part of the TTL that the mean deviation may have", why="two renewals for one use at most"
)
WARM_HABIT_TTL = limit(
    7200, "seconds of TTL from which a name is renewed at its time of day", why="bench.week"
)
WARM_HABIT_SCORE = limit(4.0, "the score that it needs for that", why="bench.week")
SESSION_ROUND_TRIPS = limit(
    3,
    "round trips until the first answer of a new session",
    why="TCP, TLS 1.3 and the query one each",
)
KM_PER_MS_FIBRE = limit(
    100.0,
    "kilometres of distance at most for each millisecond of a round trip, in glass",
    why="two thirds of the speed of light, there and back (CBG: Gueye et al., ToN 2006)",
)
KM_PER_MS_LASER = limit(
    150.0,
    "the same where the way is by lasers between satellites",
    why="the speed of light in vacuum",
)
EARTH_KM = limit(20_038.0, "kilometres to the other side of the Earth", why="half its girth")
LOCAL_MS = limit(
    10.0,
    "milliseconds above the nearest server's round trip up to which one is local",
    why="our choice: 1000 km of glass at most",
)
REGIONAL_MS = limit(
    50.0,
    "the same for regional, where no step in the distribution says where far begins",
    why="our choice: 5000 km of glass at most",
)
LINK_STEP = limit(
    1.6,
    "ratio of round trips, beyond the nearest server's, that a step has at least",
    why="our measurement on 241 cities: smaller ones come by chance",
)
LINK_FLOOR_MS = limit(
    5.0,
    "milliseconds added before ratios are taken",
    why="our measurement: between 1 and 3 ms is no international link",
)
LINK_FLOOR_PART = limit(
    0.1, "part of the nearest server's round trip that is the least so added", why="jitter grows"
)
LINK_SHARE = limit(
    0.08,
    "share of use on either side of the step",
    why="our choice: one odd server makes no link",
)
GEO_ACCESS_MS = limit(
    400.0,
    "milliseconds to the nearest server from which on the link looks like a GEO satellite",
    why="35,786 km up, down, up and down again take 477 ms; nothing on the ground takes 400",
)
GEO_PATIENCE = limit(
    3.0,
    "times as long as usual that strangers are waited for there, a question in all, a connection; "
    "and as many more round trips that renewals begin ahead",
    why="the nearest takes as long as the farthest elsewhere",
)
GEO_STALE_RTTS = limit(
    4.0,
    "round trips to the nearest server that a client waits there before it is told what is over",
    why="a zone cut, a name, and one more try: a link that is slow and well is not down",
)
GEO_STALE_SECONDS = limit(
    4.0, "seconds of those at most", why="a client that waits for 5 s asks again"
)
LEO_LEAST_MS = limit(
    18.0,
    "milliseconds to the nearest server from which on it may be LEO satellites",
    why="A Multifaceted Look at Starlink (WWW 2024): 20 to 50 ms of access",
)
LEO_MOST_MS = limit(80.0, "the same, up to which", why="the same, with a detour to a gateway")
LEO_DEVIATION = limit(
    0.2,
    "part of the round trip that the nearest servers vary by where it is LEO satellites",
    why="our choice: routes over them change every 15 s; wires are steadier",
)
LEO_ANSWERS = limit(
    4,
    "answers of a server before it has a word in that",
    why="our choice: after the first its deviation is a guess",
)
LEO_SLOT_SECONDS = limit(
    15.0,
    "seconds that a way over LEO satellites stays the same",
    why="A Multifaceted Look at Starlink (WWW 2024): a terminal is assigned a satellite for 15 s",
)
LEO_HEDGE_PART = limit(
    0.95,
    "of the answers in such a slot, that were no later than what a hedge waits for",
    why="Dean & Barroso 2013: hedging past the 95th percentile costs at most 5 %",
)
LEO_SLOT_ANSWERS = limit(
    8, "answers in a slot before they have a word in that", why="our choice: one page"
)
LEO_SILENCES = limit(
    3,
    "silences in a row over LEO satellites that say nothing of a server that used to answer",
    why="our choice: where a satellite is left packets are lost in bursts, to all servers alike",
)
