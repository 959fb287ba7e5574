"""What is wrong with `[web]`, in one line each."""

from __future__ import annotations

import pytest

from resolver.config import check_web
from resolver.config.check import faults
from resolver.config.schema import Config, Metrics, Tls
from resolver.config.schema_web import Web
from resolver.config.web_listen import is_remote, url_of


def _told(text: str, **more: object) -> list[str]:
    config = Config(web=Web(listen=text), **more)  # type: ignore[arg-type]
    return [fault.expected for fault in faults(config) if fault.key == "web.listen"]


@pytest.mark.parametrize("text", ["", "127.0.0.1:8053", "[::1]:8053", "127.0.0.1", "::1"])
def test_this_machine_alone_needs_nothing_more(text: str) -> None:
    assert _told(text) == []


@pytest.mark.parametrize("text", ["localhost:8053", "127.0.0.1:0", "8053", "127.0.0.1:70000"])
def test_what_is_no_address_is_told(text: str) -> None:
    assert len(_told(text)) == 1


@pytest.mark.parametrize("text", ["192.0.2.1:8053", "0.0.0.0:8053", "[::]:8053", "[2001:db8::1]:1"])
def test_elsewhere_it_takes_tls(text: str) -> None:
    (expected,) = _told(text)
    assert "it takes TLS" in expected
    assert _told(text, working_directory="/") == []
    assert _told(text, tls=Tls(certificate="/etc/hostname")) == []


def test_without_its_libraries_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_web, "extra_missing", lambda _: "starlette, which is not installed")
    assert _told("127.0.0.1:8053") == ['"", or starlette, which is not installed']
    assert _told("") == []


def test_an_address_that_another_listener_has_is_told() -> None:
    assert _told("127.0.0.1:9153", metrics=Metrics(listen="127.0.0.1:9153")) == [
        "each address once; metrics.listen has 127.0.0.1:9153"
    ]


def test_what_to_type_into_a_browser() -> None:
    def url(text: str) -> str:
        return url_of(Config(web=Web(listen=text)))

    assert url("") == ""
    assert url("127.0.0.1:8053") == "http://127.0.0.1:8053/"
    assert url("[::]:8443") == "https://[::1]:8443/"
    assert is_remote(Config(web=Web(listen="nonsense"))) is False
