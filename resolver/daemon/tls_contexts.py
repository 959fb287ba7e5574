"""What encrypted listeners show to clients: the certificate in use, and OpenSSL's contexts of it.

A context is shared by all connections that begin within an hour. Then comes another, with another
key for session tickets (Python's ssl neither sets nor rotates one); the old one serves until its
connections end, and a client whose ticket is too old makes a full handshake. Workers know each
other's tickets as long as they use what was made before the fork.

Files are looked at once a minute, and read at each reload. What is new is tried apart from what is
in use, because a live context that is given a key which does not fit fails from then on; what does
not fit, or has expired where the old one has not, is told once and changes nothing. It may be half
written: the next look finds it whole. Where no file is named the certificate is ours, kept in
`working_directory` (or in memory, where there is none) and renewed with the same key.

What reads and makes certificates is loaded where one is needed: a tenth of a second of a start.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.config.http3 import http3_places
from resolver.config.listen_urls import listen_url
from resolver.config.web_listen import is_remote, web_place
from resolver.daemon.state import CERTIFICATE_FILE, KEY_FILE
from resolver.errors import ConfigError
from resolver.limits import TLS_LOOK_SECONDS, TLS_TICKET_KEY_SECONDS
from resolver.protocol.ip_addresses import is_address
from resolver.protocol.transport import Transport
from resolver.runtime.own_addresses import own_addresses
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.daemon.certificates import Identity, Subject
    from resolver.daemon.state import StateDirectory

_log = logging.getLogger(__name__)
# What is spoken over TLS by each kind of listener, in the words of IANA's list (RFC 7301 §6).
ALPN: Final = {Transport.TLS: ("dot",), Transport.HTTPS: ("h2", "http/1.1")}
_EVERY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to recognise them
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_PRIVATE: Final = 0o600


def is_needed(config: Config) -> bool:
    """True if something that *config* listens with is encrypted."""
    return is_remote(config) or any(listen_url(text).is_encrypted for text in config.server.listen)


def is_over_quic(config: Config) -> bool:
    """True if something is spoken over QUIC."""
    is_spoken = any(Transport.QUIC in listen_url(text).transports for text in config.server.listen)
    return is_spoken or bool(http3_places(config))


class TlsContexts:
    """*identities* are what clients are shown, one for each kind of key; none where none is needed.

    *leads*: renews what is our own, and tells; of several processes one does. *owner*: who may read
    what is kept, if not who makes it.
    """

    COUNTS: ClassVar = {
        "changed": "Times that another certificate was taken into use.",
        "kept": "Times that other files did not fit and the certificate in use stayed.",
    }

    def __init__(
        self,
        state: StateDirectory,
        wall: Callable[[], float],
        *,
        leads: bool = True,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self.identities: tuple[Identity, ...] = ()
        self.changed = 0
        self.kept = 0
        self._state = state
        self._wall = wall
        self.leads = leads
        self._owner = owner
        self._config: Config | None = None
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._stamps: tuple[object, ...] = ()
        self._trouble = ""
        self._is_owed = False  # what is in use was not kept
        self._unread: int | None = 0  # why what is kept could not be read, told once

    def __repr__(self) -> str:
        return f"<TlsContexts {'; '.join(map(str, self.identities)) or 'without a certificate'}>"

    @property
    def valid_s(self) -> float:
        """Seconds that the certificate which ends first is still valid."""
        ends = [each.valid_until for each in self.identities]
        return min(ends) - self._wall() if ends else 0.0

    def server(self, alpn: tuple[str, ...]) -> ssl.SSLContext:
        """What a connection that begins now is served with; *alpn*: the protocols spoken there.

        A client that names none of them is served all the same, as clients without ALPN are.
        """
        context = self._contexts.get(alpn)
        if context is None:
            context = self._contexts[alpn] = self._made(alpn)
        return context

    def make_ahead(self) -> None:
        """Those that listeners will want, before the process forks."""
        for alpn in ALPN.values():
            self.server(alpn)

    def _made(self, alpn: tuple[str, ...]) -> ssl.SSLContext:
        from resolver.daemon import certificates  # noqa: PLC0415 - see above

        assert self._config is not None  # noqa: S101  # `adopt` comes before anybody listens
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self._config.tls.min_version]
        if alpn == ALPN[Transport.HTTPS]:
            context.minimum_version = ssl.TLSVersion.TLSv1_3  # all clients of DoH have it
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(list(alpn))
        for identity in self.identities:
            certificates.load_into(context, identity)
        return context

    # --- what is read, and taken into use ----------------------------------------------------

    def read(self, config: Config) -> tuple[Identity, ...]:
        """What *config* wants to be shown, made if need be. Raises ConfigError; changes nothing."""
        if not is_needed(config):
            return ()
        return named(config) or (self._own(config),)

    def reread(self, config: Config) -> tuple[Identity, ...]:
        """As `read`; refused too is what clients refuse, while what is in use is good."""
        fresh, wall = self.read(config), self._wall()
        is_good = self.identities and not any(each.trouble(wall) for each in self.identities)
        for trouble in filter(None, [each.trouble(wall) for each in fresh] if is_good else ()):
            expected = f"a certificate that is valid ({trouble})"
            raise ConfigError("tls.certificate", config.tls.certificate, expected)
        return fresh

    def adopt(self, config: Config, identities: tuple[Identity, ...]) -> None:
        """Show *identities* from now on."""
        before = self._config
        if not identities and not self.identities:
            return
        is_same = identities == self.identities and before is not None
        if not is_same or before is None or before.tls.min_version != config.tls.min_version:
            self._contexts = {}
        if not is_same and self.identities:
            self.changed += 1
        if not is_same and self.leads:
            self._say(config, identities)
        self._config, self.identities, self._trouble = config, identities, ""
        self._stamps = self._look()

    def _say(self, config: Config, identities: tuple[Identity, ...]) -> None:
        for identity in identities:
            if not config.tls.certificate:
                logs.say(f"certificate of our own: {identity}")
            if trouble := identity.trouble(self._wall()):
                _log.warning("tls.certificate %s: %s", config.tls.certificate or "", trouble)

    # --- over time ---------------------------------------------------------------------------

    async def keep(self) -> None:
        """Until cancelled: other ticket keys once an hour, other files when they change."""
        began_at = trio.current_time()
        while True:
            await trio.sleep(TLS_LOOK_SECONDS)
            if trio.current_time() - began_at >= TLS_TICKET_KEY_SECONDS:
                began_at, self._contexts = trio.current_time(), {}
            if self.identities:
                await self.look_again()

    async def look_again(self) -> None:
        """Take into use what the files hold now, if they have changed and it fits."""
        config = self._config
        if config is None:
            return
        if config.tls.certificate:
            stamps = self._look()
            if stamps == self._stamps:
                return
        try:
            fresh = await trio.to_thread.run_sync(self.reread, config)
        except ConfigError as error:
            if config is self._config:
                self._complain(str(error))
            return
        if config is not self._config:
            return  # a reload came between
        if fresh != self.identities:
            self.adopt(config, fresh)
            if self.leads and config.tls.certificate:
                _log.warning("tls.certificate: another one is in use: %s", fresh[0])
        elif config.tls.certificate:
            self._stamps, self._trouble = stamps, ""

    def _complain(self, why: str) -> None:
        """Once for each trouble: the files are looked at again and again."""
        if why == self._trouble:
            return
        self.kept, self._trouble = self.kept + 1, why
        if self.leads:
            _log.warning("%s; the certificate in use stays", why)

    def _look(self) -> tuple[object, ...]:
        """Which files they are, and from when."""
        if self._config is None or not self._config.tls.certificate:
            return ()
        from resolver.daemon import certificates  # noqa: PLC0415 - see above

        pairs = certificates.paths_of(self._config)
        return tuple(_stamp(path) for pair in pairs for path in pair)

    # --- our own -----------------------------------------------------------------------------

    def _own(self, config: Config) -> Identity:
        """The one that is kept, while it is good; else another, with the same key if it can be."""
        from resolver.daemon import certificates  # noqa: PLC0415 - see above

        subject, wall = subject_of(config), self._wall()
        kept, key = self._kept()
        is_read, used = key is not None, None
        if self._config is not None and not self._config.tls.certificate and self.identities:
            used = self.identities[0]  # better than what is kept, where nothing could be written
        if used is not None and kept is not None and used.pin != kept.pin:
            used = None
        for known in filter(None, (kept, used)):
            if not certificates.is_due(known, subject, wall) or not self.leads:
                if known is used and self._is_owed and is_read and self.leads:
                    self._write(known)
                return known
            key = key or known.key
        fresh = certificates.make(subject, wall=wall, key=key or b"")
        is_kept = is_read and self._write(fresh)
        if not is_kept and self.leads:
            what = "it" if key else "its pin"
            _log.warning(
                "the certificate of our own is not kept: %s is another at each start", what
            )
        return fresh

    def _write(self, identity: Identity) -> bool:
        """Keep it for the next start; where that cannot be, it is tried again at each look."""
        write, owner = self._state.write, self._owner
        is_kept = write(KEY_FILE, identity.key, mode=_PRIVATE, owner=owner)
        is_kept = is_kept and write(CERTIFICATE_FILE, identity.chain, owner=owner)
        self._is_owed = not is_kept
        return is_kept

    def _kept(self) -> tuple[Identity | None, bytes | None]:
        """What an earlier run has left: the certificate, and its key even where that alone is good.

        A key that is damaged is set aside: a new one means another pin, and somebody should know.
        One that cannot be read is None: it stays where it is, and counts once it can.
        """
        from resolver.daemon import certificates  # noqa: PLC0415 - see above

        try:
            chain = self._state.read(CERTIFICATE_FILE)
            key = self._state.read(KEY_FILE)
        except OSError as error:
            if error.errno != self._unread:
                _log.warning("working_directory: %s: %s", KEY_FILE, error.strerror)
            self._unread = error.errno
            return None, None
        self._unread = 0
        if key is None:
            return None, b""
        try:
            return certificates.read_own(chain or b"", key), key
        except ValueError:
            pass
        try:
            certificates.make(certificates.Subject(("localhost",), ()), wall=self._wall(), key=key)
        except (ValueError, TypeError):
            aside = self._state.set_aside(KEY_FILE)
            _log.warning("working_directory: %s is damaged; kept as %s", KEY_FILE, aside)
            return None, b""
        return None, key


def named(config: Config) -> tuple[Identity, ...]:
    """What *config* names in files; none where we make our own. Raises ConfigError."""
    if not (config.tls.certificate or config.tls.key):
        return ()
    from resolver.daemon import certificates  # noqa: PLC0415 - see above

    identities = tuple(certificates.read_all(config))
    if is_over_quic(config) and certificates.serving_quic(identities) is None:
        kinds = "one with a key on P-256 or P-384, Ed25519 or RSA"
        expected = f"{kinds}, for QUIC (https.http3 = false does without)"
        raise ConfigError("tls.certificate", config.tls.certificate, expected)
    return identities


def subject_of(config: Config) -> Subject:
    """The names that are configured, those of this machine, and every address that we listen at."""
    from resolver.daemon.certificates import Subject  # noqa: PLC0415 - see above

    told = config.tls.names
    named = (text for text in told if not is_address(text))
    names = dict.fromkeys((*named, *_host_names(), "localhost"))
    hosts = [str(ipaddress.ip_address(text)) for text in told if is_address(text)]
    hosts += [url.where[0].partition("%")[0] for url in map(listen_url, config.server.listen)]
    if is_remote(config):
        hosts.append(web_place(config.web.listen)[0].partition("%")[0])
    addresses = dict.fromkeys(host for host in hosts if host not in _EVERY)
    for host in _EVERY.intersection(hosts):
        addresses.update(dict.fromkeys(own_addresses(is_ipv6=":" in host)))
    return Subject(tuple(names), tuple(addresses))


def _host_names() -> tuple[str, ...]:
    name = socket.gethostname().rstrip(".").lower()
    return (name,) if _is_dns_name(name) else ()


def _is_dns_name(name: str) -> bool:
    labels = name.split(".")
    return name.isascii() and all(0 < len(label) <= 63 for label in labels)  # noqa: PLR2004


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
