"""Problems are told with the line that they are about, wherever TOML lets it stand."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config import load
from resolver.config.positions import lines_of
from resolver.errors import ConfigError

TEXT = '''# a comment [with = "marks"]
working_directory = "/x" # another
[server]
listen = [
  "127.0.0.1", # one
  '::1',
]
"a.b".c = """
x = 1
"""
[[forward]]
zone = "."
addresses = ["a", "b"]
[[forward]]
zone = 'x'
[cache]
max_ttl = 1_000
stub = [{zone='.', addresses=['::1']},
 {zone='b'}]
d = 2030-01-31T12:00:00Z
f = 1.5
'''


def test_every_key_has_its_line() -> None:
    found = lines_of(TEXT)
    expected = {
        "working_directory": 2,
        "server": 3,
        "server.listen": 4,
        "server.listen[0]": 5,
        "server.listen[1]": 6,
        "server.a.b.c": 8,
        "forward": 11,
        "forward[0]": 11,
        "forward[0].zone": 12,
        "forward[0].addresses[1]": 13,
        "forward[1].zone": 15,
        "cache.max_ttl": 17,
        "cache.stub[0].addresses[0]": 18,
        "cache.stub[1].zone": 19,
        "cache.d": 20,
        "cache.f": 21,
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[server]\nlisten = [\n '127.0.0.1',\n 'x',\n]", "x.toml line 4: server.listen: 'x'"),
        ("\n\nserver.workers = 0", "x.toml line 3: server.workers: 0"),
        ("[server]\nusr = 1", "x.toml line 2: server.usr: no such key"),
        ("[[forward]]\nzone = '.'\n[[forward]]\naddresses = []", "line 3: forward[1].zone: a val"),
        ("[[forward]]\nzone = '.'\n[[stub]]\nzone='a'\naddresses=['x']", "line 1: forward[0].addr"),
        ("[[warm]]\nname='a'\n[[warm]]\nname = 'a..b'", "line 4: warm[1].name: 'a..b'"),
        ("[[forward]]\nzone='.'\naddresses=[\n'::1',\n'y']", "line 5: forward[0].addresses: 'y'"),
        ("[dnssec]\nrfc5011 = true", "line 2: dnssec.rfc5011: true"),
        ("server.listen = []\nserver.listen = []", "x.toml line 2: 'server.listen = []' is not TO"),
        ("[cache]\nmin_ttl = 1\nmax_ttl = 0", "x.toml line 2: cache.min_ttl: 1"),
    ],
)
def test_a_problem_is_told_with_its_line(text: str, place: str) -> None:
    document: dict[str, object] = {}
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ConfigError) as caught:
            load.loads(text, name="x.toml")
        assert place in str(caught.value)
        return
    _, problems = load.interpret(document, "x.toml", text)
    assert any(place in str(problem) for problem in problems), [*map(str, problems)]


@given(st.text(alphabet="[]{}=.,\"'#\n ab1\\", max_size=60))
def test_any_text_ends(text: str) -> None:
    """It is only asked about TOML, but must not hang on anything else."""
    assert all(0 < line <= text.count("\n") + 1 for line in lines_of(text).values())
