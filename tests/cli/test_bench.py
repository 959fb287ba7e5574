"""A comparison cannot mislead: who is replaced, who is outvoted, what cannot be done, is said."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from resolver.cli import bench, bench_report, interception, votes
from resolver.cli.compare import Contestant, Sample
from resolver.cli.main import main
from resolver.limits import BENCH_NAMES
from resolver.model import Question, Server
from resolver.protocol import edns, names
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.message import Record
from tests.cli.fake_server import address, reply, serving
from tests.simulation import netns
from tests.support import set_limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from resolver.protocol.edns import Option
    from resolver.protocol.message import Message
    from tests.cli.fake_server import Says

WWW = Question(names.from_text("www.example.com."), RRType.A)


class Fake:
    """A public resolver: *identity* and *egress* are its own unless it is somebody else."""

    def __init__(self, identity: str, egress: str, *, denies: bool = False) -> None:
        self._identity = identity
        self._egress = egress
        self._denies = denies

    def __call__(self, query: Message, _: str) -> bytes:
        if query.qclass == RRClass.CH:
            text = bytes([len(self._identity)]) + self._identity.encode()
            record = Record(query.qname, RRType.TXT, RRClass.CH, 0, text)
            return reply(query, *([record] if self._identity else []))
        options: tuple[Option, ...] = ()
        if self._identity and query.edns is not None:
            options = (edns.nsid_option(self._identity.encode()),)
        if self._denies:
            return reply(query, rcode=Rcode.NXDOMAIN, options=options)
        if query.qtype == RRType.NS:
            root = Record(names.ROOT, RRType.NS, 1, 60, names.from_text("a.root-servers.net."))
            return reply(query, root, options=options)
        egress = query.qname.startswith(b"\x06whoami")
        return reply(query, address(query, self._egress if egress else "192.0.2.1"))


def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fakes: dict[str, Says],
    *arguments: str,
    nobody: Says | None = None,
) -> tuple[int, str, dict[str, Any]]:
    """`resolver bench` with *fakes* as the public resolvers; *nobody* answers where nobody is."""
    with ExitStack() as running:
        public = {}
        for rank, (name, says) in enumerate(fakes.items()):
            host = f"127.0.0.{11 + rank}"
            public[name] = f"{host}:{running.enter_context(serving(says, host))}"
        port = running.enter_context(serving(nobody or (lambda *_: None), "127.0.0.99"))
        monkeypatch.setattr(bench, "PUBLIC", public)
        monkeypatch.setattr(interception, "NO_RESOLVER", Server("127.0.0.99", port))
        monkeypatch.setattr("resolver.cli.compare.BENCH_SECONDS", 0.5)
        status = main(
            ["bench", "--no-self", "--count", "4", "--rate", "50", "--json", "-", *arguments]
        )
    out = capsys.readouterr().out
    text, _, document = out.partition("\n{")
    return status, text, json.loads("{" + document)


def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is nearer than any public resolver; not what most tests are about."""
    set_limit(monkeypatch, interception, "BENCH_NEAR_SECONDS", 0.0)


def test_resolvers_that_are_themselves_are_compared_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _apart(monkeypatch)
    fakes: dict[str, Says] = {"One": Fake("one-7", "192.0.2.11"), "Two": Fake("two", "192.0.2.12")}
    status, text, document = run(monkeypatch, capsys, fakes)
    assert status == 0
    assert "!" not in text
    assert document["interception"] == {"evidence": [], "addresses": []}
    assert [each["name"] for each in document["resolvers"]] == ["One", "Two"]
    assert [each["passes"]["cold"]["good"] for each in document["resolvers"]] == [4, 4]


def test_a_reply_from_where_nobody_is_gives_the_one_away_who_answers_for_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the reader must never see is "One 100 % good" from a box that denies everything."""
    _apart(monkeypatch)
    box = Fake("", "", denies=True)
    status, text, document = run(monkeypatch, capsys, {"One": box, "Two": box}, nobody=box)
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == "! Somebody on the way answers in place of 127.0.0.11, 127.0.0.12."
    assert lines[1] == "! 127.0.0.99, where no server is, answers too."
    assert lines[2] == (
        "! instead of One 127.0.0.11 denies that the root has nameservers: it has no voice."
    )
    assert [each["name"] for each in document["resolvers"]] == ["instead of One", "Two"]
    first, second = document["resolvers"]
    assert first["passes"]["cold"]["good"] == 0
    assert first["passes"]["cold"]["outcomes"] == {"NXDOMAIN of one who denies the root": 4}
    assert second["passes"] == {}
    assert second["aside"] == "somebody on the way answers in its place"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (Fake("box", "192.0.2.1"), Fake("box", "192.0.2.2"), "have one identity: box"),
        (
            Fake("", "192.0.2.9"),
            Fake("", "192.0.2.9"),
            "have one address that asks for them: 192.0.2.9",
        ),
    ],
)
def test_one_behind_two_names_is_told_by_what_it_says_of_itself(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first: Fake,
    second: Fake,
    said: str,
) -> None:
    _apart(monkeypatch)
    fakes: dict[str, Says] = {"One": first, "Two": second, "Three": Fake("three", "192.0.2.3")}
    _, text, document = run(monkeypatch, capsys, fakes)
    assert f"! One and Two {said.removesuffix('box')}" in text
    assert document["interception"]["addresses"] == ["127.0.0.11", "127.0.0.12"]
    measured = [each["name"] for each in document["resolvers"] if each["passes"]]
    assert measured == ["instead of One", "Three"]


@pytest.mark.reaches("BENCH_NEAR_SECONDS")
def test_who_is_too_near_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hint and no proof: in a data centre a public resolver may be next door."""
    set_limit(monkeypatch, interception, "BENCH_NEAR_SECONDS", 1.0)  # this machine may be busy
    fakes: dict[str, Says] = {"One": Fake("one", "192.0.2.11"), "Two": Fake("two", "192.0.2.12")}
    _, text, document = run(monkeypatch, capsys, fakes)
    assert "! Nobody outside the house is so near: One " in text
    assert document["interception"]["addresses"] == []
    assert all(each["passes"] for each in document["resolvers"])


def test_good_is_what_the_majority_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def filters(query: Message, transport: str) -> bytes:
        if query.qtype == RRType.A and query.qname.startswith(b"\x03www"):
            return reply(query, rcode=Rcode.NXDOMAIN)
        return Fake("three", "192.0.2.3")(query, transport)

    _apart(monkeypatch)
    fakes: dict[str, Says] = {
        "One": Fake("one", "192.0.2.1"), "Two": Fake("two", "192.0.2.2"), "Three": filters
    }  # fmt: skip
    _, text, document = run(monkeypatch, capsys, fakes)
    goods = [each["passes"]["warm"]["good"] for each in document["resolvers"]]
    assert goods == [4, 4, 0]
    assert "4 NXDOMAIN against the majority" in text


def _samples(*kinds: str) -> list[Sample]:
    return [Sample(WWW, kind or "timeout", 0.01, is_good=bool(kind), kind=kind) for kind in kinds]


def _contestant(name: str, *kinds: str) -> Contestant:
    passes = {"cold": _samples(*kinds)}
    return Contestant(name, Server("192.0.2.1"), is_reachable=True, passes=passes)


def _voted(*passes: Sequence[str], denies: Sequence[int] = ()) -> tuple[int, list[list[bool]]]:
    contestants = [_contestant(f"{rank}", *kinds) for rank, kinds in enumerate(passes)]
    for rank in denies:
        contestants[rank].denies_the_root = True
    split = votes.count(contestants)
    return split, [[one.is_good for one in each.passes["cold"]] for each in contestants]


def test_a_split_harms_nobody_and_is_counted() -> None:
    assert _voted(["records"], ["NXDOMAIN"]) == (1, [[True], [True]])


def test_a_failure_has_no_voice() -> None:
    assert _voted(["records"], [""], [""]) == (0, [[True], [False], [False]])


def test_one_voice_is_believed_unless_it_denies_the_root() -> None:
    assert _voted(["NXDOMAIN"]) == (0, [[True]])
    assert _voted(["NXDOMAIN"], denies=[0]) == (0, [[False]])
    assert _voted(["NXDOMAIN"], ["NXDOMAIN"], ["records"], denies=[0, 1]) == (
        0, [[False], [False], [True]]
    )  # fmt: skip


def test_passes_of_different_length_are_held_side_by_side() -> None:
    assert _voted(["records", "records"], ["records"])[1] == [[True, True], [True]]


def test_a_list_of_names_comes_with_the_program() -> None:
    listed = bench.read_names(None)
    assert len(listed) >= BENCH_NAMES
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--json /no/where/x", "--json: '/no/where/x' is not allowed; expected a file to write"),
        ("--png /", "--png: '/' is not allowed; expected a file to write"),
        ("--fresh a..b", "NAME: 'a..b' is not allowed"),
        (f"--fresh {'.'.join(['a' * 60] * 4)}", "--fresh: "),
        ("--config /no/where", "--config: '/no/where' is not there"),
        ("--server here", "--server: 'here' is not allowed"),
        ("--names /no/where", "--names: '/no/where' is not allowed"),
        ("--no-public --no-self", "--server: '(missing)' is not allowed"),
    ],
)
def test_options_are_looked_at_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    said: str,
) -> None:
    monkeypatch.setattr("trio.run", lambda *_: pytest.fail("it asks"))
    assert main(["bench", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_picture_wants_its_library_before_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["bench", "--png", "plot.png"]) == 2
    assert 'pip install "resolver[cli]"' in capsys.readouterr().err


def _three() -> list[Contestant]:
    nobody = Contestant("three", Server("192.0.2.3"), is_reachable=False)
    return [_contestant("one", "records", "records"), _contestant("two", "", ""), nobody]


def test_a_plot_has_a_title_axes_and_everybody() -> None:
    lines = bench_report.plot(_three()).splitlines()
    assert (
        lines[0] == "How long good answers took: the higher a column, the more of them (log scale)"
    )
    assert [line.split()[0] for line in lines[2:5]] == ["one", "two", "three"]
    assert lines[3].endswith("no good answer")
    assert lines[4].endswith("unreachable from here: no answer to a first question")
    for text in ("0.1 ms", "1 ms", "10 ms", "100 ms", "1 s"):
        assert text in lines[-1]


def test_a_picture_has_a_title_axes_and_everybody() -> None:
    pytest.importorskip("matplotlib", reason="an extra: pip install 'resolver[cli]'")
    axes = bench_report.figure_of(_three()).axes[0]
    assert axes.get_title() == "How soon names are answered well"
    assert axes.get_xlabel() == "time until the answer"
    assert "%" in axes.get_ylabel()
    assert [text.get_text() for text in axes.get_xticklabels()][:2] == ["0.1 ms", "1 ms"]
    legend = axes.get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert told[:2] == ["one, cold", "two, cold: no good answer"]
    assert told[2].startswith("three: unreachable")


HIJACKER = """
import socket, sys, threading
from resolver.protocol import wire

def answer(sock):
    while True:
        data, client = sock.recvfrom(65535)
        query = wire.parse_untrusted(data)
        sock.sendto(wire.build(id=query.id, flags=0x8183, question=query.question), client)

for host in sys.argv[1:]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 53))
    threading.Thread(target=answer, args=(sock,)).start()
ready = socket.create_server((sys.argv[1], 53))
"""


@pytest.mark.netns
def test_one_box_for_everybody_is_found_out(tmp_path: Path) -> None:
    """As faulty hotel networks do it: NXDOMAIN for every name, from every address."""
    reason = netns.missing()
    if reason:
        pytest.skip(reason)
    hosts = [*bench.PUBLIC.values(), interception.NO_RESOLVER.host]
    with netns.namespace("hotel") as hotel:
        hotel.ip(*(f"addr add {host}/32 dev lo" for host in hosts))
        box = hotel.spawn(sys.executable, "-c", HIJACKER, *hosts, log=tmp_path / "log")
        netns.wait_for([(hotel, hosts[0], 53)], programs=[box], patience_s=30)
        words = ("bench", "--no-self", "--count", "5", "--rate", "50")
        done = hotel.run(sys.executable, "-m", "resolver", *words, timeout_s=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        f"! Somebody on the way answers in place of {hosts[0]}, {hosts[1]}"
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("instead of Google")]
    assert "   0.0%" in rows[0]
    assert rows[0].endswith("5 NXDOMAIN of one who denies the root")
    assert not any(line.startswith(("Google", "Cloudflare 1.1.1.1  cold")) for line in rows)
