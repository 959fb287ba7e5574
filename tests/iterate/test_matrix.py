"""All mixes of rcode, flags and sections against what the RFCs say of them (`matrix_rules`).

Twice: what `classify` makes of the reply, and what a client gets from the whole resolver, beside a
server that tells the truth and alone, asked twice, on a virtual Internet.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from bench.common.signing import anchor_text
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.errors import ResolutionFailed
from resolver.iterate.classify import Classifier
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.model import USABLE, Delegation, Question, Server, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.wire import build_query, parse_untrusted
from tests.iterate import matrix_cases, matrix_world
from tests.iterate.matrix_cases import Case, Proof
from tests.iterate.matrix_rules import Right, Seen, is_secure, right, right_of_forwarder, told
from tests.iterate.matrix_world import Internet, Scene
from tests.recurse.household import WALL, budget
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.lab.virtual_parts import Answers
    from resolver.model import Link
    from resolver.upstream.request import Classified

SAMPLE = 400
pytestmark = pytest.mark.heavy
_BY_VERDICT = {
    Verdict.ANSWER: Seen.DATA,
    Verdict.REFERRAL: Seen.CHILD,
    Verdict.NODATA: Seen.NODATA,
    Verdict.NXDOMAIN: Seen.NXDOMAIN,
}


def sample(cases: Iterable[Case], size: int) -> list[Case]:
    every = list(cases)
    return random.Random("matrix").sample(every, size)


# --- the classification alone -----------------------------------------------------------------


def classified(scene: Scene, net: Internet, *, is_forward: bool = False) -> Seen:
    """What `classify` makes of the reply to a query with EDNS, and of it once more if poor."""
    query = build_query(id=1, qname=scene.qname, qtype=RRType.A, edns=matrix_world.EDNS)
    data = net.answer(query, scene.host(1), "udp")
    assert data is not None
    message = parse_untrusted(data)
    hosts = {below: (Server(below.decode()),) for below in map(str.encode, scene.servers())}
    delegation = Delegation(scene.zone, tuple(hosts), hosts, is_forward=is_forward)
    classifier = Classifier(Question(scene.qname, RRType.A), delegation)
    found = classifier(message, Server(scene.host(1)))
    if found.verdict not in USABLE and scene.alone and classifier.saw_poor:
        classifier.takes_poor = True
        found = classifier(message, Server(scene.host(1)))
    return _of_verdict(found, scene)


def _of_verdict(found: Classified, scene: Scene) -> Seen:
    if found.verdict not in USABLE:
        return Seen.SERVFAIL if scene.alone else Seen.NEXT
    if found.verdict is Verdict.CNAME:
        return _of_chain(found.links, scene)
    assert (found.referral is not None) == (found.verdict is Verdict.REFERRAL)
    return _BY_VERDICT[found.verdict]


def _of_chain(links: tuple[Link, ...], scene: Scene) -> Seen:
    last = links[-1]
    if last.verdict is Verdict.CNAME:
        target = last.answer[-1].rdatas[0]
        return Seen.ALIAS_IN if names.is_subdomain(target, scene.zone) else Seen.ALIAS_OUT
    behind = {
        Verdict.ANSWER: Seen.ALIAS_COPY,
        Verdict.NODATA: Seen.ALIAS_NODATA,
        Verdict.NXDOMAIN: Seen.ALIAS_NXDOMAIN,
    }
    return behind[last.verdict]


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.rfc("RFC 2181 §5.4.1 behind an alias")
@pytest.mark.rfc("RFC 2308 §2.1")
@pytest.mark.rfc("RFC 2308 §2.2")
def test_each_unsigned_reply_is_judged_by_the_rules() -> None:
    cases = list(matrix_cases.unsigned())
    net = Internet(cases, is_signed=False)
    wrong = Differences()
    for scene in net.scenes.values():
        wanted = right(scene.case)
        wrong.compare(scene, wanted, classified(scene, net))
    assert not wrong, str(wrong)


@pytest.mark.rfc("RFC 2181 §5.4.1 behind an alias")
def test_each_reply_of_a_forwarder_is_judged_by_the_rules() -> None:
    cases = list(matrix_cases.unsigned())
    net = Internet(cases, is_signed=False)
    wrong = Differences()
    for scene in net.scenes.values():
        if scene.alone:
            seen = right_of_forwarder(scene.case)
            wrong.compare(scene, Right(seen, seen, (14,)), classified(scene, net, is_forward=True))
    assert not wrong, str(wrong)


# --- the whole resolver -----------------------------------------------------------------------


class Differences:
    """What is not as the rules say; falsy if everything is."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._kinds: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._found)

    def compare(self, scene: Scene, wanted: Right, seen: Seen, note: str = "") -> None:
        should = wanted.alone if scene.alone else wanted.beside
        if seen is not should:
            self.add(scene, f"rules {wanted.rules}: {should.name}, got {seen.name}{note}")

    def add(self, scene: Scene, what: str) -> None:
        place = "alone" if scene.alone else "beside"
        self._found.append(f"{scene.case} [{place}] {what}")
        self._kinds[what] += 1

    def __str__(self) -> str:
        kinds = [f"{count} x {what}" for what, count in self._kinds.most_common()]
        return "\n".join([f"{len(self._found)} differ", *kinds, *self._found[:30]])


class _At:
    """The Internet's server at one address."""

    def __init__(self, net: Internet, host: str) -> None:
        self._net = net
        self._host = host

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del source
        reply = self._net.answer(data, self._host, transport)
        return [] if reply is None else [reply]


async def play(cases: Sequence[Case]) -> Differences:
    """Ask for every case, beside and alone, each twice: memory must not tell another story."""
    is_signed = cases[0].proof is not Proof.UNSIGNED
    net = Internet(cases, is_signed=is_signed, wall=WALL)
    wrong = Differences()
    with tempfile.TemporaryDirectory() as directory:
        config = _config(net, Path(directory))
        network = VirtualNetwork(rng=seeded("matrix"))
        network.settle = lambda host: _At(net, host)
        clock = VirtualClock(wall=WALL)
        async with run.running(
            config, network=network, clock=clock, rng=seeded("matrix"), listens=False
        ) as daemon:
            for scene in net.scenes.values():
                for note in ("", ", asked again"):
                    await _ask(daemon.resolver, scene, wrong, note)
    return wrong


async def _ask(resolver: object, scene: Scene, wrong: Differences, note: str) -> None:
    question = Question(scene.qname, RRType.A)
    status = Status.INDETERMINATE
    try:
        answer = await resolver.resolve(question, budget())  # type: ignore[attr-defined]
    except ResolutionFailed:
        seen = Seen.SERVFAIL
    else:
        seen, status = told(answer.rcode, answer.answer), answer.status
    wrong.compare(scene, right(scene.case), seen, note)
    if (status is Status.SECURE) != is_secure(scene.case, seen):
        wrong.add(scene, f"{seen.name} is {status.name}{note}")


def _config(net: Internet, directory: Path) -> Config:
    hints = directory / "hints"
    hints.write_text(f". 3600 NS ns.root.\nns.root. 3600 A {matrix_world.ROOT}\n")
    config = Config()
    anchors = directory / "anchors"
    anchors.write_text(anchor_text(".", net.key) + "\n" if net.key else "")
    replace = msgspec.structs.replace
    return replace(
        config,
        outgoing=replace(config.outgoing, speculation=False, ipv6=False),
        root=replace(config.root, prime=False, hints_file=str(hints)),
        dnssec=replace(
            config.dnssec,
            builtin_root_anchor=False,
            validate=net.key is not None,
            trust_anchors_file=str(anchors) if net.key else "",
        ),
    )


@trio_test
async def test_clients_get_what_the_rules_say_of_unsigned_replies() -> None:
    wrong = await play(sample(matrix_cases.unsigned(), SAMPLE))
    assert not wrong, str(wrong)


@pytest.mark.rfc("RFC 4035 §5")
@trio_test
async def test_clients_get_what_the_rules_say_of_signed_replies() -> None:
    wrong = await play(sample(matrix_cases.signed(), SAMPLE))
    assert not wrong, str(wrong)


@pytest.mark.long
@pytest.mark.timeout(900)
@trio_test
async def test_clients_get_what_the_rules_say_of_all_unsigned_replies() -> None:
    wrong = await play(list(matrix_cases.unsigned()))
    assert not wrong, str(wrong)


@pytest.mark.long
@pytest.mark.timeout(900)
@trio_test
async def test_clients_get_what_the_rules_say_of_all_signed_replies() -> None:
    wrong = await play(list(matrix_cases.signed()))
    assert not wrong, str(wrong)
