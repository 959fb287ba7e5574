"""Another program's configuration is known by its form, and a page is named that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.config import foreign, load
from resolver.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "Unbound": "# unbound.conf\nserver:\n\tverbosity: 1\n\tinterface: 0.0.0.0\n",
    "Unbound's form": 'forward-zone:\n  name: "."\n  forward-addr: 9.9.9.9\n',
    "BIND": 'options {\n\tdirectory "/var/cache/bind";\n\trecursion yes;\n};\n',
    "BIND's": 'zone "example.com" {\n  type primary;\n};\n',
    "Knot Resolver's form (Lua)": "net.listen('127.0.0.1', 53)\nmodules = { 'hints > iterate' }\n",
    "dnsmasq": "no-resolv\nserver=127.0.0.1#5335\ncache-size=10000\n",
    "Pi-hole": "PIHOLE_INTERFACE=eth0\nPIHOLE_DNS_1=127.0.0.1#5335\n",
    "AdGuard": "dns:\n  bind_hosts:\n    - 0.0.0.0\n  upstream_dns:\n    - 9.9.9.9\n",
    "CoreDNS": ".:53 {\n    forward . 9.9.9.9\n    cache\n}\n",
    "systemd-resolved": "[Resolve]\nDNS=9.9.9.9\n",
    "resolv.conf": "search lan\nnameserver 192.168.1.1\n",
    "YAML": "network:\n  listen:\n    - interface: 127.0.0.1@53\n",
    "JSON": '{"server": {"listen": ["127.0.0.1"]}}\n',
}


@pytest.mark.parametrize("whose", FILES)
def test_a_file_of_another_program_is_known(whose: str, tmp_path: Path) -> None:
    path = tmp_path / "resolver.toml"
    path.write_text(FILES[whose])
    _, problems = load.read(path)
    assert len(problems) == 1
    said = str(problems[0])
    assert "is not TOML: it is in " + whose in said
    page = said.rpartition("; ")[2].split()[0]
    assert (ROOT / page).is_file()


def test_pi_holes_own_toml_is_known_by_its_keys() -> None:
    with pytest.raises(ConfigError, match="dns: no such key"):
        load.loads('[dns]\nupstreams = ["127.0.0.1#5335"]\n')
    _, problems = load.interpret(
        {"dns": {"upstreams": []}}, "pihole.toml", '[dns]\nupstreams = ["127.0.0.1#5335"]\n'
    )
    assert str(problems[-1]).startswith("pihole.toml: this is no configuration of ours: it is in")


def test_a_slip_of_our_own_is_nobody_elses_form() -> None:
    """A mistake in TOML must not send its writer to a page about Unbound."""
    example = (ROOT / "contrib" / "resolver.toml").read_text("utf-8")
    assert foreign.whose(example) == ""
    with pytest.raises(ConfigError, match="is not TOML: "):
        load.loads(example + "\n[server]\n")
