"""What encrypted listeners show: kept, renewed, replaced while it runs, never by worse."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Config, Server, Tls
from resolver.daemon import tls_contexts
from resolver.daemon.state import CERTIFICATE_FILE, KEY_FILE, StateDirectory
from resolver.daemon.tls_contexts import TlsContexts, is_needed, subject_of
from resolver.errors import ConfigError
from tests.daemon.test_certificates import DAY, WALL, Files
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from pathlib import Path

LISTENS = Server(listen=("127.0.0.1:53", "tls://127.0.0.1:853", "tls://[2001:db8::1]:853"))
DOT = ("dot",)
NOW = dt.datetime.now(tz=dt.UTC).timestamp()


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self, wall: float = WALL) -> None:
        self.wall = wall

    def __call__(self) -> float:
        return self.wall


class House:
    """Contexts of a daemon that keeps its state in *directory*."""

    def __init__(self, directory: Path | None, config: Config, wall: float = WALL) -> None:
        self.clock = Clock(wall)
        self.state = StateDirectory(str(directory) if directory else "")
        self.state.open()
        self.contexts = TlsContexts(self.state, self.clock)
        self.config = config
        self.contexts.adopt(config, self.contexts.read(config))

    @property
    def pin(self) -> str:
        return self.contexts.identities[0].pin

    @property
    def chain(self) -> bytes:
        return self.contexts.identities[0].chain

    def restarted(self, directory: Path, config: Config | None = None) -> House:
        return House(directory, config or self.config, self.clock.wall)


OURS = Config(server=LISTENS)


def with_files(files: Files) -> Config:
    return Config(server=LISTENS, tls=files.config.tls)


def test_it_is_needed_where_something_is_encrypted() -> None:
    assert is_needed(OURS)
    assert not is_needed(Config())


def test_it_is_for_every_name_and_every_address(tmp_path: Path) -> None:
    house = House(tmp_path, Config(server=LISTENS, tls=Tls(names=("dns.example.net",))))
    (identity,) = house.contexts.identities
    assert identity.names[0] == "dns.example.net"
    assert "localhost" in identity.names
    assert identity.addresses == ("127.0.0.1", "2001:db8::1")


@trio_test
async def test_an_address_among_the_names_is_one(tmp_path: Path) -> None:
    """Clients in front of a router reach it at the router's: a name of digits proves none."""
    named = Tls(names=("dns.example.net", "203.0.113.5", "2001:DB8::5"))
    house = House(tmp_path, Config(server=LISTENS, tls=named))
    (identity,) = house.contexts.identities
    assert not {"203.0.113.5", "2001:DB8::5"} & set(identity.names)
    assert {"203.0.113.5", "2001:db8::5", "127.0.0.1"} <= set(identity.addresses)
    await house.contexts.look_again()
    assert house.contexts.changed == 0


def test_a_wildcard_stands_for_the_addresses_of_this_machine() -> None:
    subject = subject_of(Config(server=Server(listen=("tls://0.0.0.0:853", "tls://[::]:853"))))
    assert "127.0.0.1" in subject.addresses
    assert not {"0.0.0.0", "::"} & set(subject.addresses)  # noqa: S104


def test_what_was_made_is_kept_and_only_ours_to_read(tmp_path: Path) -> None:
    house = House(tmp_path, OURS)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    again = house.restarted(tmp_path)
    assert (again.pin, again.chain) == (house.pin, house.chain)


def test_without_a_directory_it_is_made_anew_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(None, OURS)
    assert "its pin is another at each start" in caplog.text
    assert house.restarted(tmp_path).pin != house.pin
    assert house.contexts.read(OURS) == house.contexts.identities  # not at each look


@pytest.mark.rfc("RFC 7858 §4.2")
def test_it_is_renewed_with_the_same_key(tmp_path: Path) -> None:
    house = House(tmp_path, OURS)
    house.clock.wall += 380 * DAY
    assert house.contexts.valid_s < 30 * DAY
    again = house.restarted(tmp_path)
    assert again.pin == house.pin
    assert again.chain != house.chain
    assert again.contexts.valid_s > 390 * DAY


@trio_test
async def test_it_is_renewed_once_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that is full, or read-only: not another one at each look, a minute apart."""
    house = House(tmp_path, OURS)
    house.clock.wall += 380 * DAY
    with monkeypatch.context() as full:
        full.setattr(house.state, "_write", _no_space)
        for _ in range(3):
            await house.contexts.look_again()
        assert house.contexts.valid_s > 390 * DAY
        assert house.contexts.changed == 1
        assert caplog.text.count("is not kept: it is another at each start") == 1
    renewed = house.chain
    await house.contexts.look_again()
    again = house.restarted(tmp_path)
    assert again.chain == renewed, "written once there is room"


@trio_test
async def test_a_first_one_is_kept_once_there_is_room(tmp_path: Path) -> None:
    """Else its pin would be another after the next start, long after the disk was full."""
    house = House(None, OURS)
    house.state = house.contexts._state = StateDirectory(str(tmp_path))
    house.state.open()
    await house.contexts.look_again()
    assert house.restarted(tmp_path).chain == house.chain
    (tmp_path / KEY_FILE).unlink()
    await house.contexts.look_again()
    assert not (tmp_path / KEY_FILE).exists(), "who takes it away wants another at the next start"


@trio_test
async def test_what_was_put_in_its_place_counts_though_it_has_to_be_renewed(tmp_path: Path) -> None:
    """An older key, from a backup: its pin is what clients know."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old = House(tmp_path / "old", OURS)
    house = House(tmp_path / "new", OURS, WALL + 380 * DAY)
    for name in (KEY_FILE, CERTIFICATE_FILE):
        (tmp_path / "new" / name).write_bytes((tmp_path / "old" / name).read_bytes())
    await house.contexts.look_again()
    assert house.pin == old.pin
    assert house.contexts.valid_s > 390 * DAY


@trio_test
async def test_a_key_that_cannot_be_read_stays_and_counts_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whose account is another's: its pin is what clients know, so nothing is put in its place."""
    before = House(tmp_path, OURS)
    key = (tmp_path / KEY_FILE).read_bytes()
    with monkeypatch.context() as barred:
        barred.setattr(StateDirectory, "read", _not_allowed)
        house = before.restarted(tmp_path)
        meanwhile = house.pin
        for _ in range(3):
            await house.contexts.look_again()
        house.clock.wall += 380 * DAY
        await house.contexts.look_again()
        assert house.contexts.valid_s > 390 * DAY
    assert before.pin != house.pin == meanwhile
    assert caplog.text.count("Permission denied") == 1
    assert (tmp_path / KEY_FILE).read_bytes() == key
    await house.contexts.look_again()
    assert house.pin == before.pin


def _not_allowed(*_: object) -> bytes:
    raise PermissionError(errno.EACCES, "Permission denied")


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_another_address_makes_another_with_the_same_key(tmp_path: Path) -> None:
    house = House(tmp_path, OURS)
    elsewhere = Config(server=Server(listen=("tls://192.0.2.1:853",)))
    again = house.restarted(tmp_path, elsewhere)
    assert again.contexts.identities[0].addresses == ("192.0.2.1",)
    assert again.pin == house.pin


def test_a_damaged_certificate_is_made_again_with_the_key_there_is(tmp_path: Path) -> None:
    house = House(tmp_path, OURS)
    (tmp_path / CERTIFICATE_FILE).write_bytes(house.chain[:100])
    assert house.restarted(tmp_path).pin == house.pin


def test_a_damaged_key_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path, OURS)
    half = (tmp_path / KEY_FILE).read_bytes()[:100]
    (tmp_path / KEY_FILE).write_bytes(half)
    assert house.restarted(tmp_path).pin != house.pin
    assert (tmp_path / f"{KEY_FILE}.damaged").read_bytes() == half
    assert f"{KEY_FILE} is damaged" in caplog.text


def test_who_does_not_lead_writes_nothing(tmp_path: Path) -> None:
    """Of several processes one renews, and the others find it."""
    house = House(tmp_path, OURS)
    other = house.restarted(tmp_path)
    other.contexts.leads = False
    other.clock.wall = house.clock.wall = WALL + 380 * DAY
    assert other.contexts.read(OURS) == other.contexts.identities
    renewed = house.contexts.read(OURS)
    assert renewed != house.contexts.identities
    assert other.contexts.read(OURS) == renewed


# --- contexts ------------------------------------------------------------------------------------


@pytest.mark.reaches("TLS_TICKET_KEY_SECONDS")
@trio_test
async def test_ticket_keys_last_an_hour(tmp_path: Path) -> None:
    house = House(None, with_files(Files(tmp_path)), NOW)
    first = house.contexts.server(DOT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.contexts.keep)
        await trio.sleep(3599)
        assert house.contexts.server(DOT) is first
        await trio.sleep(61)
        assert house.contexts.server(DOT) is not first
        nursery.cancel_scope.cancel()


def test_each_list_of_protocols_has_its_own(tmp_path: Path) -> None:
    house = House(tmp_path, OURS)
    house.contexts.make_ahead()
    assert house.contexts.server(DOT) is house.contexts.server(DOT)
    assert house.contexts.server(("h2", "http/1.1")) is not house.contexts.server(DOT)


def test_the_oldest_version_is_what_is_configured(tmp_path: Path) -> None:
    for text in ("1.2", "1.3"):
        house = House(tmp_path, Config(server=LISTENS, tls=Tls(min_version=text)))
        name = house.contexts.server(DOT).minimum_version.name
        assert name == f"TLSv{text}".replace(".", "_")


# --- files that change ---------------------------------------------------------------------------


def _replace(files: Files, by: Files) -> None:
    """As certbot does: one after the other, each in one go."""
    for ours, theirs in ((files.certificate, by.certificate), (files.key, by.key)):
        theirs.replace(ours)


def fresh(tmp_path: Path, *, expires: dt.datetime | None = None) -> Files:
    directory = tmp_path / f"fresh-{len(list(tmp_path.iterdir()))}"
    directory.mkdir()
    return Files(directory, expires=expires)


@pytest.mark.reaches("TLS_LOOK_SECONDS")
@trio_test
async def test_new_files_are_taken_into_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, tls_contexts, "TLS_LOOK_SECONDS", 60.0)
    files = Files(tmp_path)
    house = House(None, with_files(files), NOW)
    pin, context = house.pin, house.contexts.server(DOT)
    _replace(files, fresh(tmp_path))
    await house.contexts.look_again()
    assert house.pin != pin
    assert house.contexts.server(DOT) is not context
    assert house.contexts.changed == 1
    await house.contexts.look_again()
    assert house.contexts.changed == 1


@trio_test
async def test_what_does_not_fit_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that does not fit, half a file, a gap between two files; then it is whole."""
    caplog.set_level(logging.WARNING)
    files = Files(tmp_path)
    house = House(None, with_files(files), NOW)
    pin, context = house.pin, house.contexts.server(DOT)
    by = fresh(tmp_path)
    by.certificate.replace(files.certificate)  # the key is still the old one
    for _ in range(3):
        await house.contexts.look_again()
    assert caplog.text.count("it belongs to another certificate") == 1
    by.key.replace(by.certificate)
    files.key.unlink()
    await house.contexts.look_again()
    assert caplog.text.count("is not there") == 1
    assert house.contexts.kept == 2
    assert (house.pin, house.contexts.server(DOT)) == (pin, context)
    by.certificate.replace(files.key)
    await house.contexts.look_again()
    assert house.pin != pin


@trio_test
async def test_what_has_expired_replaces_nothing_that_is_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = Files(tmp_path)
    house = House(None, with_files(files), NOW)
    pin = house.pin
    soon = dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=1)
    _replace(files, fresh(tmp_path, expires=soon))
    house.clock.wall = NOW + 2 * DAY
    await house.contexts.look_again()
    assert house.pin == pin
    assert "it expired on" in caplog.text
    with pytest.raises(ConfigError, match="a certificate that is valid"):
        house.contexts.reread(house.config)


def test_a_start_with_an_expired_one_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Unbound and Knot serve it too: plain DNS must not end because a certificate did."""
    expires = dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=1)
    house = House(None, with_files(Files(tmp_path, expires=expires)), NOW + 2 * DAY)
    assert house.contexts.identities
    assert "it expired on" in caplog.text


@trio_test
async def test_no_certificate_costs_nothing() -> None:
    house = House(None, Config())
    assert house.contexts.identities == ()
    assert house.contexts.valid_s == 0
    await house.contexts.look_again()


def test_a_daemon_that_serves_nothing_encrypted_loads_no_certificates() -> None:
    """They take a tenth of a second to load, of the half that a start has."""
    code = (
        "import sys; import resolver.cli.serve, resolver.daemon.run; "
        "print([name for name in sys.modules if 'x509' in name or name.endswith('certificates') "
        "or name.partition('.')[0] in ('aioquic', 'h2', 'h11')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
