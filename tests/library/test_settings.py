"""What may be given to `open`, and which Internet is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.config.schema import Config
from resolver.errors import ConfigError
from resolver.library.settings import Settings, use_lab


def settings(
    config: object = None, *, lab: bool | None = None, zones: dict[str, str] | None = None
) -> Settings:
    return Settings.of(config, lab=lab, zones=zones)  # type: ignore[arg-type]


def test_a_file_a_dict_and_a_config_mean_the_same(tmp_path: Path) -> None:
    file = tmp_path / "resolver.toml"
    file.write_text("[outgoing]\nipv6 = false\n")
    made = settings({"outgoing": {"ipv6": False}}).config
    assert made.outgoing.ipv6 is False
    assert settings(file).config == settings(str(file)).config == settings(made).config == made
    assert settings().config == Config()


@pytest.mark.parametrize("wrong", [{"outgoin": {}}, {"outgoing": {"ipv6": "no"}}, "/no/such/file"])
def test_what_is_wrong_is_said(wrong: object) -> None:
    with pytest.raises(ConfigError):
        settings(wrong)


def test_the_real_internet_is_asked_unless_something_says_otherwise() -> None:
    assert not settings().lab
    assert settings(lab=True).lab
    assert settings(zones={}).lab
    with use_lab(zones={"example.net": "a A 192.0.2.1"}):
        assert settings().lab
        assert list(settings().zones) == ["example.net"]
        assert not settings(lab=False).lab
        assert settings(lab=True).zones == {}
        with use_lab():
            assert settings().zones == {}
        assert list(settings().zones) == ["example.net"]
    assert not settings().lab


def test_zones_without_a_lab_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="lab"):
        settings(lab=False, zones={"example.net": ""})


def test_what_the_lab_writes_is_gone_once_it_is_read() -> None:
    with settings(lab=True).internet() as (config, _):
        hints = Path(config.root.hints_file)
        assert hints.is_file()
    assert not hints.parent.exists()


def test_state_of_key_rollovers_is_left_to_the_daemon() -> None:
    followed = settings({"working_directory": "/", "dnssec": {"rfc5011": True}})
    with followed.internet() as (config, network):
        assert network is None
        assert config.dnssec.rfc5011 is False
