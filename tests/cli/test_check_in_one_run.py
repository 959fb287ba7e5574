"""One run of `check`, or of `serve`, tells all that can be told, and nothing besides."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from resolver.limits import CONFIG_BROKEN_LINES
from tests.cli.test_check import verdicts

if TYPE_CHECKING:
    from pathlib import Path

EVERY_STAGE = """\
server.usr = 'x'
server.workers = 0
server.identity = resolver
server.listen = ['127.0.0.1:PORT']
cache.min_negative_ttl = 9
cache.max_negative_ttl = 5
root.hints_file = 'X/bad'
dnssec.trust_anchors_file = 'X/none'
stub = [{zone = 'a', addresses = ['127.0.0.1:PORT']}, {zone = 'b', addresses = ['c']}]
"""


def test_one_run_tells_what_is_wrong_at_each_stage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who mends what is told is done: no TOML, no such key, type, contradiction, file, machine."""
    monkeypatch.setattr("resolver.daemon.bind.BIND_PATIENCE_SECONDS", 0.0)
    (tmp_path / "bad").write_text("hello\n")
    path = tmp_path / "resolver.toml"
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        path.write_text(EVERY_STAGE.replace("PORT", port).replace("X", str(tmp_path)))
        told = verdicts(path, capsys).replace(str(path), "TOML").splitlines()
    assert [line.split(": ")[:2] for line in told] == [
        ["TOML line 1", "server.usr"],
        ["TOML line 2", "server.workers"],
        ["TOML line 3", "'server.identity = resolver' is not TOML"],
        ["TOML line 4", "server.listen"],
        ["TOML line 5", "cache.min_negative_ttl"],
        ["TOML line 7", "root.hints_file"],
        ["TOML line 8", "dnssec.trust_anchors_file"],
        ["TOML line 9", "stub[1].addresses"],
        ["TOML line 9", "stub[0].addresses"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "cache.max_ttl = 'x'\ncache.min_ttl = 100000",  # at most cache.max_ttl
        "working_dir = '/tmp'\nlog.queries = 'all'",  # a working_directory to keep it in
        "[[forward]]\nzone = '.'\nadresses = ['192.0.2.1']",  # at least one address
        "[[view]]\nname = 'a'\ntags = 'b'\n[[schedule]]\ntag = 'b'\nfrom = '1:00'\nto = '2:00'",
        "server.listen = [\n'127.0.0.1:5399'\nserver.workers = 2",  # a bracket that never ends
        "[[forward]]\nzone = '.'\naddresses = 192.0.2.1",
        "[[stub]]\nzone = 'a'\naddresses = ['b c']\nserver = 1",
    ],
)
def test_what_is_wrong_for_another_reason_is_not_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    """A sentence that goes by itself, once the other is mended, sends people the wrong way."""
    path = tmp_path / "resolver.toml"
    path.write_text(text)
    assert len(verdicts(path, capsys).splitlines()) == 1 + text.startswith("[[stub]]")


@pytest.mark.reaches("CONFIG_BROKEN_LINES")
def test_lines_that_are_no_toml_are_told_up_to_a_number(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("".join(f"a{number} = b\n" for number in range(50)))
    assert len(verdicts(path, capsys).splitlines()) == CONFIG_BROKEN_LINES + 1 == 21
