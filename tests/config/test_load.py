"""From TOML to Config: every key of the schema, and messages a stranger can act on."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from resolver.config import load, schema
from resolver.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HARNESS = """
working_directory = "/tmp"
memory = 268435456
[server]
listen = ["127.127.0.1:53", "[::1]:53"]
allow_from = ["0.0.0.0/0", "::/0"]
udp_payload_size = 4096
minimal_responses = true
rate_limit = 0
user = "root"
[outgoing]
source_addresses = ["127.127.0.1"]
ipv4 = true
ipv6 = false
udp_payload_size = 4096
query_case_randomization = false
do_not_query_localhost = false
deny_private_addresses = false
speculation = false
[root]
prime = false
[[forward]]
zone = "."
addresses = ["192.0.2.1"]
first = false
[[stub]]
zone = "example.com"
addresses = ["192.0.2.1:5300"]
[[warm]]
name = "www.example.com"
types = ["A", "TYPE65"]
[resolution]
qname_minimisation = false
harden_glue = true
local_zones = false
prefetch = false
serve_stale = false
query_timeout = 5
[valkey]
prefix = "resolver-of-tests:"
[cache]
clock = "realtime"
min_ttl = 0
max_ttl = 86400
persist = false
[dnssec]
validate = true
builtin_root_anchor = false
rfc5011 = false
trust_anchor_signaling = false
root_key_sentinel = false
negative_trust_anchors = ["island.example"]
sha1 = true
aggressive_nsec = false
[log]
destination = "stderr"
level = "debug"
queries = false
"""


def test_every_key_that_an_outside_harness_sets_is_taken() -> None:
    config = load.loads(HARNESS)
    assert config.server.listen == ("127.127.0.1:53", "[::1]:53")
    assert config.resolution.query_timeout == 5.0
    assert config.forward == (schema.Forward(zone=".", addresses=("192.0.2.1",)),)
    assert config.stub[0].addresses == ("192.0.2.1:5300",)
    assert config.dnssec.sha1 is True
    assert config.warm == (schema.Warm(name="www.example.com", types=("A", "TYPE65")),)


def test_nothing_at_all_is_a_good_configuration() -> None:
    """Closed by default: this machine only."""
    config = load.loads("")
    assert config == schema.Config()
    assert config.server.listen == ("127.0.0.1:53", "[::1]:53")
    assert config.server.allow_from == ("127.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[server]\nlisten = 53",
            "x.toml line 2: server.listen: 53 is a whole number; expected a list",
        ),
        ("[server]\nalow_from = []", 'did you mean "allow_from"?'),
        ("[server]\nstale_max = 30", 'did you mean "cache.stale_max"?'),
        ("[server]\nworking_directory = 1", "above the first [section]"),
        ("[sever]\nlisten = []", 'x.toml line 1: sever: no such key; did you mean "server"?'),
        ("[server]\nudp_payload_size = 100", "a whole number from 512 to 4096"),
        ("[cache]\nclock = 'sundial'", "cache.clock: 'sundial' is not allowed; expected \"boot"),
        ("[resolution]\nquery_timeout = 0.1", "query_timeout: 0.1 is not allowed; expected a nu"),
        ("[[forward]]\nzone = '.'", "line 1: forward[0].addresses: [] is not allowed"),
        ("forward = 3", "tables headed [[forward]]"),
        ("[server]\nlisten = [", "x.toml line 2: 'listen = [' is not TOML: "),
        ("[resolution]\nserve_stale = 1", "resolution.serve_stale: 1 is a whole number; expec"),
        ("server = 1", "x.toml line 1: server: 1 is a whole number; expected a table"),
        ("a = " + 9_999 * "[", "x.toml: 'tables in tables' is not allowed; expected TOML"),
        ("cache.min_ttl = " + 9_999 * "9", "x.toml: 'a number' is not allowed; expected TOML"),
        ("server.user = 'a\\u0000b'".replace("'", '"'), "server.user: 'a\\x00b' is not allowed"),
        (
            'root.hints_file = "\\u0000"',
            "hints_file: '\\x00' is not allowed; expected text without",
        ),
        ('server.listen = ["[fe80::1]:53"]', 'a link-local address too: "fe80::1%eth0"'),
        ('health.listen = "[fe80::1]:53"', 'a link-local address too: "fe80::1%eth0"'),
        ('metrics.listen = "[fe80::1]:53"', 'a link-local address too: "fe80::1%eth0"'),
        ("[log]\nlevel = '" + 9_999 * "x" + "'", f"log.level: '{199 * 'x'}... is not allowed"),
    ],
)
def test_a_problem_names_file_key_value_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load.loads(text, name="x.toml")
    assert said in str(caught.value)


def test_one_reading_finds_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text("[server]\nuser = 3\nlisten = 4\n[cache]\nmin_ttl = -1\n")
    _, problems = load.read(path)
    keys = [problem.where for problem in problems]
    assert keys == ["server.user", "server.listen", "cache.min_ttl"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml' is not there; expected a file to read"):
        load.load(tmp_path / "nowhere.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load.load(path)


def test_a_key_without_its_feature_takes_only_the_value_that_is_true_anyway() -> None:
    for key, off in schema.NOT_YET.items():
        section, _, field = key.partition(".")
        if section == "forward":
            default: object = False
            table: object = [{"zone": ".", "addresses": ["::1"], field: True}]
        else:
            default = getattr(getattr(schema.Config(), section), field)
            table = {field: "::1" if isinstance(default, str) else not default}
        assert default in off, key
        _, problems = load.interpret({section: table}, "x.toml")
        assert "can do nothing else yet" in str(problems[0]), key


_ELSEWHERE = {
    "allow", "block", "control", "ddr", "dns64", "dnstap", "geo", "health", "https", "local",
    "metrics", "network", "otel", "policy", "rewrite", "rpz", "schedule", "tls", "view", "web",
}  # fmt: skip


def test_the_example_in_this_file_is_toml() -> None:
    assert set(tomllib.loads(HARNESS)) == set(schema.Config.__struct_fields__) - _ELSEWHERE
