"""What machines share, as operators have it: forgotten, reloaded, shown; and off, nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.cli.control_shown import _valkey
from resolver.config.schema import Config, NegativeAnchor, Valkey
from resolver.daemon import forgetting
from resolver.daemon.reload import reload
from resolver.daemon.shared_terms import shared_terms
from resolver.errors import ConfigError, StoreFailed
from resolver.limits import SHARED_FORGET_SECONDS, SHARED_SCAN, SHARED_SECRET_OCTETS
from resolver.model import Source, Status
from resolver.protocol import names
from tests.daemon.pretended_valkey import cache_of, pretend, sharing
from tests.recurse.household import village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

WWW = "www.example.net. A"


def _keys(values: dict[bytes, Any]) -> set[str]:
    """Without the zones' own, which come with them."""
    plain = {key.decode().removeprefix("resolver:") for key in values}
    return {key for key in plain if key.startswith(("{www", "{gone", "{alias"))}


# --- forgetting ------------------------------------------------------------------------------


@trio_test
async def test_flush_reaches_what_machines_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        daemon = home.daemon

        async def learn() -> None:
            for text in (WWW, "www.glueless.net. A", "gone.example.net. A"):
                await home.ask(text)
            await trio.sleep(0.2)

        await learn()
        every = {"{www.example.net.}A", "{www.glueless.net.}A", "{gone.example.net.}NXDOMAIN"}
        assert _keys(valkey.values) == every
        name = names.from_text("www.example.net.")
        assert (await forgetting.forget(daemon, name, below=False))["shared"] == 1
        assert _keys(valkey.values) == every - {"{www.example.net.}A"}
        await learn()
        assert (await forgetting.forget_denials(daemon))["shared"] >= 1
        assert _keys(valkey.values) == every - {"{gone.example.net.}NXDOMAIN"}
        await learn()
        name = names.from_text("example.net.")
        assert (await forgetting.forget(daemon, name, below=True))["shared"] >= 2
        assert _keys(valkey.values) == {"{www.glueless.net.}A"}
        assert (await forgetting.forget_all(daemon))["shared"] >= 1
        assert valkey.values == {}


@trio_test
async def test_what_was_on_its_way_there_is_forgotten_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learnt, not sent yet; and sent at this moment."""
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        name = names.from_text("example.net.")
        await home.ask(WWW)
        await forgetting.forget(home.daemon, name, below=True)
        await trio.sleep(1)
        assert _keys(valkey.values) == set()
        valkey.takes_s = 0.5
        await home.ask(WWW)
        await trio.sleep(0.1)  # the request is on its way
        await forgetting.forget(home.daemon, name, below=True)
        await trio.sleep(3)
        assert _keys(valkey.values) == set()


@trio_test
async def test_an_operator_is_told_what_could_not_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        await home.ask(WWW)
        valkey.trouble = "gone"
        await home.ask("other.example.net. A")
        with pytest.raises(StoreFailed, match=r"127\.0\.0\.1:6379 cannot be reached"):
            await forgetting.forget_all(home.daemon)
        assert len(home.daemon.parts.memory.rrsets) == 0  # memory has forgotten it even so


@pytest.mark.reaches("SHARED_FORGET_SECONDS")
@trio_test
async def test_forgetting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        valkey.values = {b"resolver:{n%d.example.}A" % n: (b"", 1e9) for n in range(400)}
        valkey.takes_s = 0.05
        begun = trio.current_time()
        with pytest.raises(StoreFailed, match=r"no end after 30 s, \d+ keys are gone"):
            await forgetting.forget_all(home.daemon)
        assert trio.current_time() - begun == pytest.approx(SHARED_FORGET_SECONDS, abs=1)


@pytest.mark.reaches("SHARED_SCAN")
@trio_test
async def test_keys_go_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        sizes: list[int] = []
        forget = valkey.forget

        async def counted(keys: list[bytes]) -> int:
            sizes.append(len(keys))
            return await forget(keys)

        valkey.forget = counted  # type: ignore[method-assign, assignment]
        places = [(names.from_text(f"n{number}."), 1) for number in range(SHARED_SCAN + 1)]
        await cache_of(home).forget_places(places)
        assert sizes == [SHARED_SCAN, 1]


# --- reload and status -----------------------------------------------------------------------


@trio_test
async def test_after_a_reload_what_rests_on_other_trust_is_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A negative anchor is new: the other machine's SECURE is worth its data."""
    pretend(monkeypatch)
    world = village(is_signed=True)
    async with (
        sharing(world, tmp_path / "one") as one,
        sharing(world, tmp_path / "two") as two,
    ):
        await one.ask(WWW)
        await trio.sleep(0.2)
        config = two.daemon.config
        anchor = NegativeAnchor(name="example.net.")
        dnssec = msgspec.structs.replace(config.dnssec, negative_trust_anchors=(anchor,))
        await reload(two.daemon, msgspec.structs.replace(config, dnssec=dnssec))
        assert (await two.ask(WWW))[::2] == (Status.INSECURE, {Source.CACHE})
        two.daemon.parts.memory.rrsets.clear()
        assert cache_of(two).shared.hits >= 1


@trio_test
async def test_status_and_numbers_show_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(village(), tmp_path / "one") as home:
        await home.ask(WWW)
        await trio.sleep(0.2)
        found = home.daemon.registry.text()
        assert "resolver_valkey_up 1" in found
        assert "resolver_valkey_gets_total 1" in found
        status = home.daemon.control._operated.shared
        assert status is not None
        assert (status["state"], status["gets"], status["where"]) == ("closed", 1, "127.0.0.1:6379")
        valkey.trouble = "reset by peer"
        await home.ask("other.example.net. A")
        status = home.daemon.control._operated.shared
        assert status is not None
        assert (status["state"], status["trouble"]) == ("open", "reset by peer")


def test_status_in_words() -> None:
    status: dict[str, Any] = {
        "where": "192.0.2.1:6379", "state": "closed", "trouble": "", "took_s": 0.0003,
        "ahead_s": -61.2, "waiting": 0, "gets": 20, "hits": 5, "wrong": 2, "written": 7,
        "dropped": 0, "refused": 0, "timeouts": 1,
    }  # fmt: skip
    assert _valkey(status) == (
        "shared by 192.0.2.1:6379: 5 of 20 look-ups found something, in 0.3 ms of late; 7 sent; "
        "2 not believed; 1 too late; its clock is -61 s from ours: what it has counts for less"
    )
    status |= {"state": "open", "trouble": "Connection refused"}
    assert _valkey(status) == "shared by 192.0.2.1:6379: not now (Connection refused)"


# --- what it takes ---------------------------------------------------------------------------


def _terms(path: Path, octets: bytes, **keys: Any) -> object:
    path.write_bytes(octets)
    valkey = Valkey(url="rediss://u@192.0.2.1", secret_file=str(path), **keys)
    return shared_terms(Config(valkey=valkey))


@pytest.mark.reaches("SHARED_SECRET_OCTETS")
def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    """The space around it is none of it."""
    good = b"x" * SHARED_SECRET_OCTETS
    assert _terms(tmp_path / "secret", good + b"\n")
    with pytest.raises(ConfigError, match=r"valkey\.secret_file.*16 octets at least"):
        _terms(tmp_path / "secret", good[1:] + b" \n\n")


def test_files_that_are_no_good_are_named(tmp_path: Path) -> None:
    secret = b"x" * SHARED_SECRET_OCTETS
    with pytest.raises(ConfigError, match=r"valkey\.password_file.*is not there"):
        _terms(tmp_path / "secret", secret, password_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"valkey\.ca_file.*PEM"):
        _terms(tmp_path / "secret", secret, ca_file=str(tmp_path / "secret"))
    with pytest.raises(ConfigError, match=r"valkey\.secret_file.*at most 4096"):
        _terms(tmp_path / "secret", secret * 1000)


def test_where_nothing_is_shared_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; import resolver.cli.serve, resolver.daemon.run; "
        "from resolver.config.schema import Config; from resolver.daemon.sharing import Sharing; "
        "Sharing(Config()); "
        "rooms = {'coredis', 'anyio', 'resolver.daemon.shared_cache', "
        "'resolver.cache.shared_level', 'resolver.daemon.valkey_client', "
        "'resolver.runtime.resp_frames'}; "
        "print(sorted(rooms & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert found.stdout.strip() == "[]"
