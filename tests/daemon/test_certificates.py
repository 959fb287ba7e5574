"""Certificates: what is read must fit, what is made fits, and what is wrong is said."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from resolver.config.schema import Config, Tls
from resolver.daemon import certificates
from resolver.daemon.certificates import Subject, is_due, make, read_own
from resolver.errors import ConfigError
from tests.support import set_limit

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WALL = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
DAY = 86_400.0
US = Subject(("dns.example.net", "localhost"), ("127.0.0.1", "2001:db8::1"))


class Files:
    """A certificate and its key in a directory."""

    def __init__(
        self,
        directory: Path,
        *,
        expires: dt.datetime | None = None,
        kind: trustme.KeyType = trustme.KeyType.ECDSA,
    ) -> None:
        self.authority = trustme.CA()
        issued = self.authority.issue_cert(
            "localhost", "127.0.0.1", not_after=expires, key_type=kind
        )
        self.certificate = directory / "certificate.pem"
        self.key = directory / "key.pem"
        self.certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())

    @property
    def config(self) -> Config:
        return Config(tls=Tls(certificate=str(self.certificate), key=str(self.key)))

    def refusal(self) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            certificates.read_all(self.config)
        return caught.value


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_what_fits_is_read(files: Files) -> None:
    (identity,) = certificates.read_all(files.config)
    assert identity.names == ("localhost",)
    assert identity.addresses == ("127.0.0.1",)
    assert identity.pin.startswith("sha256/")
    assert identity.trouble(dt.datetime.now(tz=dt.UTC).timestamp()) == ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.load_into(context, identity)


def test_the_key_may_stand_in_the_same_file(files: Files) -> None:
    files.certificate.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    config = Config(tls=Tls(certificate=str(files.certificate)))
    assert certificates.read_all(config)[0].names == ("localhost",)


def _two(directory: Path, kind: trustme.KeyType) -> Config:
    """One with a key on a curve, and another."""
    (directory / "one").mkdir()
    (directory / "other").mkdir()
    one, other = Files(directory / "one"), Files(directory / "other", kind=kind)
    paths = (str(one.certificate), str(other.certificate))
    return Config(tls=Tls(certificate=paths, key=(str(one.key), str(other.key))))


def test_several_certificates_have_several_keys(tmp_path: Path) -> None:
    config = _two(tmp_path, trustme.KeyType.RSA)
    assert len({each.pin for each in certificates.read_all(config)}) == 2


def test_two_of_one_kind_are_refused(tmp_path: Path) -> None:
    """OpenSSL would show the last one only, QUIC the first."""
    with pytest.raises(ConfigError, match="one certificate for each kind of key") as caught:
        certificates.read_all(_two(tmp_path, trustme.KeyType.ECDSA))
    assert caught.value.where == "tls.certificate"
    assert caught.value.value == str(tmp_path / "other" / "certificate.pem")


def test_a_key_that_does_not_fit_is_refused(files: Files, tmp_path: Path) -> None:
    """A live context that is given it breaks every later handshake."""
    files.key.write_bytes(trustme.CA().issue_cert("localhost").private_key_pem.bytes())
    refusal = files.refusal()
    assert refusal.where == "tls.key"
    assert refusal.value == str(tmp_path / "key.pem")
    assert "it belongs to another certificate" in refusal.expected


@pytest.mark.parametrize("part", range(0, 100, 7))
def test_half_a_file_is_refused(files: Files, part: int) -> None:
    """Whoever replaces it is still writing."""
    for path, where in ((files.certificate, "tls.certificate"), (files.key, "tls.key")):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * part // 100])
        assert files.refusal().where == where
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "it has none"),
        (b"\xff" * 100, "it has none"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\n", "cut short"),
    ],
)
def test_what_is_no_certificate_is_said(files: Files, octets: bytes, why: str) -> None:
    files.certificate.write_bytes(octets)
    assert why in files.refusal().expected


def _encrypted(key: PrivateKeyTypes) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    seal = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, form, seal)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "it has no key"),
        (_encrypted(rsa.generate_private_key(65_537, 2048)), "it has a passphrase"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"),
    ],
)
def test_what_is_no_key_is_said(files: Files, octets: bytes, why: str) -> None:
    """Nobody is asked for a passphrase: a daemon has no terminal."""
    files.key.write_bytes(octets)
    assert why in files.refusal().expected


def test_what_cannot_be_read_is_said(files: Files, tmp_path: Path) -> None:
    files.key.unlink()
    assert "is not there; expected a file that holds the private key" in str(files.refusal())
    files.certificate.unlink()
    (tmp_path / "certificate.pem").mkdir()
    assert "it is something else" in files.refusal().expected


@pytest.mark.reaches("TLS_FILE_OCTETS")
def test_a_file_without_end_is_not_read_to_it(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, certificates, "TLS_FILE_OCTETS", 4096)
    files.certificate.write_bytes(files.certificate.read_bytes() + b"#" * 4096)
    assert "it has over 4096 octets" in files.refusal().expected


def test_what_openssl_does_not_take_is_said(files: Files) -> None:
    """Weak keys, by its security level."""
    certificate, key = _weak()
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    assert "ee key too small" in files.refusal().expected


def _weak() -> tuple[bytes, bytes]:
    private = rsa.generate_private_key(65_537, 1024)  # noqa: S505  # on purpose
    leaf = certificates._signed_by_itself(US, private, WALL)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return leaf.public_bytes(pem), private.private_bytes(pem, form, plain)


def test_dates_are_told(tmp_path: Path) -> None:
    expires = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    (identity,) = certificates.read_all(Files(tmp_path, expires=expires).config)
    assert identity.trouble(expires.timestamp() - 1) == ""
    assert identity.trouble(expires.timestamp()) == "it expired on 2030-01-02"
    assert "not valid before" in identity.trouble(identity.valid_from - 1)


# --- our own -------------------------------------------------------------------------------------


def handshake(identity: certificates.Identity, name: str) -> None:
    """Of a client that trusts *identity* and asks for *name*. Raises ssl.SSLError."""
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    certificates.load_into(ours, identity)
    theirs.load_verify_locations(cadata=identity.chain.decode())
    to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(to_them, to_us, server_hostname=name)
    server = ours.wrap_bio(to_us, to_them, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_one_of_our_own_is_for_all_names_and_addresses() -> None:
    wall = dt.datetime.now(tz=dt.UTC).timestamp()
    identity = make(US, wall=wall)
    assert (identity.names, identity.addresses) == US
    for name in (*US.names, *US.addresses):
        handshake(identity, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity, "example.org")


@pytest.mark.rfc("RFC 7858 §4.2")
def test_a_renewed_one_keeps_key_and_pin() -> None:
    """Clients that were given the pin go on."""
    first = make(US, wall=WALL)
    again = make(Subject(("other.example",), ()), wall=WALL + 300 * DAY, key=first.key)
    assert (again.pin, again.key) == (first.pin, first.key)
    assert again.chain != first.chain
    assert make(US, wall=WALL).pin != first.pin
    assert read_own(again.chain, again.key) == again


@pytest.mark.parametrize("key", [b"nothing", _encrypted(rsa.generate_private_key(65_537, 2048))])
def test_what_is_no_key_of_ours_makes_none(key: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        make(US, wall=WALL, key=key)
    with pytest.raises(ValueError, match=r"."):
        read_own(make(US, wall=WALL).chain, key)


def test_one_that_was_kept_must_fit_its_key() -> None:
    with pytest.raises(ValueError, match="another's"):
        read_own(make(US, wall=WALL).chain, make(US, wall=WALL).key)


@pytest.mark.reaches("CERTIFICATE_DAYS", "CERTIFICATE_RENEWAL_DAYS", "CERTIFICATE_SKEW_SECONDS")
def test_when_one_of_our_own_is_due() -> None:
    identity = make(US, wall=WALL)
    assert identity.valid_from == WALL - 3600
    assert identity.valid_until == identity.valid_from + 397 * DAY
    renewal = identity.valid_until - 30 * DAY
    assert not is_due(identity, US, WALL)
    assert not is_due(identity, US, renewal)
    assert is_due(identity, US, renewal + 1)
    assert is_due(identity, US, WALL - 400 * DAY)  # the clock was wrong when it was made
    assert not is_due(identity, Subject(US.names[:1], ()), WALL)
    assert is_due(identity, Subject(("new.example",), ()), WALL)
    assert is_due(identity, Subject((), ("192.0.2.1",)), WALL)


def test_a_host_name_of_any_length_can_be_its_subject() -> None:
    name = ".".join(["a" * 63] * 3)
    assert make(Subject((name,), ()), wall=WALL).names == (name,)
