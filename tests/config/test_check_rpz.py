"""`[[rpz]]`: what is refused before anything starts."""

from __future__ import annotations

import pytest

from resolver.config.check_rpz import is_file, key_of, rpz_advice, rpz_faults
from resolver.config.schema import Config, Rpz
from resolver.limits import RPZ_ZONES

KEY = "hmac-sha256:key.example:c2VjcmV0"


def faults(*entries: Rpz) -> list[str]:
    return [f"{one.key}: {one.expected}" for one in rpz_faults(Config(rpz=entries))]


def one(**keys: object) -> Rpz:
    return Rpz(**({"zone": "rpz.test", "file": "x"} | keys))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"zone": "a..b"}, "rpz[0].zone: a domain name"),
        ({"file": ""}, "rpz[0].file: a file, or primaries"),
        ({"primaries": ("192.0.2.1",)}, "rpz[0].file: a file, or primaries"),
        ({"file": "", "primaries": ("quic://192.0.2.1",)}, "rpz[0].primaries: "),
        ({"file": "", "primaries": ("ns.example",)}, "rpz[0].primaries: "),
        ({"file": "", "primaries": ("192.0.2.1",), "pins": ("x",)}, "rpz[0].pins: "),
        ({"file": "", "primaries": ("192.0.2.1",), "tsig": "hmac-md5:k:AAAA"}, "rpz[0].tsig: "),
        ({"tsig": KEY}, "rpz[0].tsig: nothing: a file is not transferred"),
        ({"override": "nonsense"}, "rpz[0].override: one of"),
        ({"override": "cname:a..b"}, "rpz[0].override: one of"),
        ({"override": "cname"}, "rpz[0].override: one of"),
        ({"tags": ("",)}, "rpz[0].tags: a word"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, object], wanted: str) -> None:
    found = faults(one(**keys))
    assert len(found) == 1
    assert found[0].startswith(wanted)
    assert "AAAA" not in found[0]


def test_a_zone_stands_there_once() -> None:
    assert faults(one(), one(zone="RPZ.test.")) == ["rpz[1].zone: a zone of its own; rpz[0] has it"]


@pytest.mark.reaches("RPZ_ZONES")
def test_there_are_so_many_zones_at_most() -> None:
    zones = [one(zone=f"z{number}.test") for number in range(RPZ_ZONES + 1)]
    assert faults(*zones[:-1]) == []
    assert faults(*zones) == [f"rpz: at most {RPZ_ZONES} zones"]


@pytest.mark.parametrize("override", ["given", "nxdomain", "tcp-only", "disabled", "cname:x.y"])
def test_what_can_be_meant_is_taken(override: str) -> None:
    assert faults(one(override=override)) == []
    assert faults(one(file="", primaries=("192.0.2.1", "tls://192.0.2.1#n.x"), tsig=KEY)) == []


def test_keys_of_tsig() -> None:
    assert key_of(f" {KEY}\n") == ("hmac-sha256", "key.example", "c2VjcmV0")
    assert [is_file(one) for one in ("/etc/resolver/tsig", KEY, "")] == [True, False, False]
    for text in ("hmac-sha1:k:AAAA", "hmac-sha256:k:A", "hmac-sha256:k:", "hmac-sha256::AAAA", ""):
        with pytest.raises(ValueError):  # noqa: PT011  # the reason is not all that it is for
            key_of(text)


def test_what_will_not_do_as_meant_is_told() -> None:
    config = Config(rpz=(one(file="/nowhere/x"), one(zone="b", file="", primaries=("192.0.2.1",))))
    first, second = rpz_advice(config)
    assert "/nowhere/x cannot be read" in first
    assert "transferred at every start" in second
