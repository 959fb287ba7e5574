"""What others wrote does nothing on a terminal: names, EDE texts, instances, whatever is shown.

A test for each place that shows them. Elsewhere: the page in tests/web (test_html.py,
test_page.py), `top` in test_top.py, `drill` and `geo` in test_drill.py, dnstap in
tests/daemon/test_tap.py.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from resolver.cli import trace
from resolver.cli.control import show
from resolver.cli.control_shown import shown
from resolver.cli.doctor import page, probes
from resolver.cli.doctor.finding import Finding, Level
from resolver.cli.main import main
from resolver.model import Ede, Question, Server
from resolver.operate.verbs import BY_NAME
from resolver.protocol.codes import RRClass, RRType
from resolver.protocol.edns import Edns, ede_option, nsid_option
from resolver.protocol.message import Message, Record
from resolver.protocol.transport import Transport
from resolver.telemetry import logs
from resolver.telemetry.events import Asked, Unanswered
from resolver.telemetry.metrics import label
from resolver.upstream.server_events import Tried
from tests.cli.doorkeeper import door_of
from tests.cli.fake_server import reply, serving
from tests.cli.test_log import kept, line
from tests.making import question
from tests.operate.operated import desk, distant
from tests.recurse.household import village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


EVIL = "\x1b]0;owned\x07\x1b[2J\u202egnp\u2066\r\nfake line\x00\x7f\x9b31m\u2028<script>"
NAME = b"\x05\x1b[2J\x9b\x07example\0"


def is_inert(text: str) -> bool:
    """Lines of signs that can be seen; tabs are ours."""
    return text.isprintable() or all(sign.isprintable() or sign in "\n\t" for sign in text)


# --- query, trace, bench, doctor: what servers say -----------------------------------------------


def evil(query: Message, _: str) -> bytes:
    """An alias to a name that acts, a text that acts, an error that acts."""
    data = EVIL.encode()
    records = (
        Record(query.qname, RRType.CNAME, RRClass.IN, 300, NAME),
        Record(NAME, RRType.TXT, RRClass.IN, 300, bytes([len(data)]) + data),
    )
    return reply(query, *records, options=(ede_option(22, EVIL), nsid_option(data)))


@pytest.mark.parametrize("more", [[], ["--json"], ["--short"], ["--dnssec"]])
def test_query(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with serving(evil) as port:
        words = ["query", "@127.0.0.1", "-p", str(port), "xn--mgbh0fb.example", "TXT", *more]
        assert main(words) == 0
    out, err = capsys.readouterr()
    assert "owned" in out
    assert is_inert(out + err)
    assert "\nfake line" not in out


def test_steps_of_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    asked, server = Question(NAME, RRType.A), Server("192.0.2.1", 53, NAME)
    printer = trace.Printer(quiet=False)
    printer.where = lambda _: {"instance": EVIL, "place": {"text": EVIL}}
    printer(Asked(asked, NAME, server, Transport.UDP, 0.1, EVIL, EVIL))
    printer(Unanswered(asked, NAME, 0.1, (Ede(22, EVIL),)))
    printer(Tried(asked, NAME, server, Transport.TLS, None, EVIL))
    out = capsys.readouterr().out
    assert out.count("\n") == 3
    assert is_inert(out)


def test_who_servers_say_that_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """What `bench` finds of somebody on the way, and `doctor` of whoever is asked."""
    with serving(evil) as port:
        words = ["bench", "--server", f"evil=127.0.0.1:{port}", "--no-public", "--no-self"]
        assert main([*words, "--count", "2"]) == 0
    out, err = capsys.readouterr()
    assert is_inert(out + err)
    said = Message(0, 0, 0)
    said.edns = Edns(options=(nsid_option(EVIL.encode()),))
    assert all(one.isprintable() for one in probes._nsid(said))
    finding = Finding(EVIL, Level.TROUBLE, EVIL, (EVIL,), (EVIL,))
    for shape in (page.as_text, page.as_json):
        assert is_inert(shape([finding]))


# --- control, pops, why, geo, servers, status: what the daemon tells -----------------------------

_OURS = frozenset({"link_from", "mode"})  # words of our own that forms look up
_ASKED: dict[str, dict[str, Any]] = {
    "status": {}, "stats": {}, "servers": {}, "pops": {}, "zones": {}, "queries": {}, "warm": {},
    "cache show": {"name": "www.example.net"}, "trace": {"name": "www.example.net"},
    "why": {"name": "alias.example.net"}, "geo zones": {}, "drill": {}, "nta list": {},
    "probe": {}, "lists show": {},
}  # fmt: skip


def spoiled(value: Any) -> Any:
    """All texts in *value*, but for words of our own, with what acts at their end."""
    if isinstance(value, dict):
        return {key: one if key in _OURS else spoiled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [spoiled(one) for one in value]
    return value + EVIL if isinstance(value, str) else value


@pytest.mark.parametrize("name", _ASKED)
def test_what_a_verb_tells(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb = BY_NAME[name]

    @trio_test
    async def told() -> None:
        async with desk(distant(village())) as it:
            await it.home.ask(question("alias.example.net. A"))
            given = _ASKED[name]
            made = await it.items(verb, **given) if verb.streams else [await it.do(verb, **given)]
        assert made
        for one in made:
            octets = msgspec.json.encode({"id": 1, "ok": True, **spoiled(one)})
            show(verb, octets, is_json=False)
            assert is_inert(capsys.readouterr().out)
            show(verb, octets, is_json=True)
            out = capsys.readouterr().out
            assert out.isascii()
            assert is_inert(out)
            assert json.loads(out) == json.loads(octets)

    told()


def test_queries_as_they_are_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`control log follow`, for people and for programs."""
    row = {"t": EVIL, "name": EVIL, "type": EVIL, "rcode": EVIL, "from": EVIL, "ms": 1.0,
           "server": EVIL, "instance": EVIL, "ede": [22], "transport": EVIL, "view": EVIL,
           "client": EVIL}  # fmt: skip
    replies = [
        msgspec.json.encode({"id": 1, "ok": True, **one}) + b"\n"
        for one in ({"queries": [row], "more": 3}, {"end": True})
    ]
    for more in ([], ["--json"]):
        with door_of(tmp_path, replies) as (path, _):
            assert main(["control", "--socket", path, "log", "follow", *more]) == 0
        out = capsys.readouterr().out
        assert "owned" in out
        assert is_inert(out)
        assert out.count("\n") <= 3


@pytest.mark.parametrize("words", [["control", "status"], ["why", "a.example"], ["geo", "zones"]])
def test_what_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = msgspec.json.encode({"id": 1, "ok": False, "error": EVIL}) + b"\n"
    with door_of(tmp_path, [refusal]) as (path, _):
        assert main([*words, "--socket", path]) == 1
    err = capsys.readouterr().err
    assert "owned" in err
    assert is_inert(err)
    assert err.count("\n") == 1


def test_a_verb_without_a_form_of_its_own() -> None:
    assert all(one.isprintable() for one in shown("no such verb", spoiled({"a": [{"b": "c"}]})))


# --- the query log -------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_lines_of_the_query_log(
    more: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stands there already, and what comes while it is followed; the log's own words too."""
    said = line(EVIL, type=EVIL, rcode=EVIL, source=EVIL, server=EVIL, instance=EVIL, view=EVIL,
                client=EVIL, transport=EVIL, t=EVIL)  # fmt: skip

    def sleep(_: float) -> None:
        monkeypatch.setattr("resolver.cli.log.time.sleep", stop)
        kept(tmp_path, said)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("resolver.cli.log.time.sleep", sleep)
    assert main(["log", "--config", kept(tmp_path, said), "--follow", *more]) == 130
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) == 2
    assert all(one.isprintable() for one in lines)
    if more:
        assert out.isascii()
        assert [json.loads(one)["name"] for one in lines] == [EVIL, EVIL]


# --- the log, and labels of metrics --------------------------------------------------------------


def test_the_log() -> None:
    """One line for what is said; what a traceback quotes does nothing either."""
    formatter = logs.Formatter("%(levelname)s %(name)s: %(message)s")
    record = logging.LogRecord("resolver.x", logging.INFO, "", 0, "server %s", (EVIL,), None)
    said = formatter.format(record)
    assert said.isprintable()
    assert said.startswith("INFO resolver.x: server \\u001b]0;owned")
    try:
        raise ValueError(EVIL)  # noqa: TRY301
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    record.exc_text = None
    said = formatter.format(record)
    assert "Traceback" in said
    assert is_inert(said)


def test_all_that_is_logged_goes_that_way(make_log: Callable[[], logging.Handler]) -> None:
    assert isinstance(make_log().formatter, logs.Formatter)


@pytest.fixture
def make_log() -> Callable[[], logging.Handler]:
    from resolver.config.schema import Log  # noqa: PLC0415

    return lambda: logs.opened(Log())


def test_labels_of_metrics() -> None:
    """No name ends a label or a line; a backslash of a name is one (the exposition format)."""
    assert label("zone", 'a"b\\027\n.') == 'zone="a\\"b\\\\027\\\\u000a."'
    assert label("list", EVIL).isprintable()
