"""Servers over HTTPS in the virtual Internet, honest and otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h2.events
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

from resolver.model import Server
from resolver.protocol.transport import DOH_PATH, Transport
from resolver.upstream import tls_terms
from resolver.upstream.encrypted import Encryption
from resolver.upstream.tls_terms import H2, Terms, name_to_prove
from tests.upstream.tls_servers import HOST, NAME, TlsScript, authority_pem, server_context

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme

    from resolver.runtime.tls_stream import TlsStream

OK = [(":status", "200"), ("content-type", "application/dns-message")]


class Exchange:
    """One request, to be answered in whatever way a test likes."""

    def __init__(self, http: H2Connection, number: int, headers: dict[bytes, bytes]) -> None:
        self.http = http
        self.number = number
        self.headers = headers
        self.body = b""

    def reply(self, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        """All of it, as far as the client's window lets it."""
        self.http.send_headers(self.number, OK if headers is None else headers)
        size = self.http.max_outbound_frame_size
        for at in range(0, len(body), size):
            self.http.send_data(self.number, body[at : at + size])
        self.http.end_stream(self.number)


class HttpsScript(TlsScript):
    """A DoH server. *respond*: what is done with a request; else as *script* says.

    *initial*: octets that are sent in place of HTTP/2.
    """

    PORT = 443

    def __init__(
        self, leaf: trustme.LeafCert, respond: Callable[[Exchange], object] | None = None
    ) -> None:
        context = server_context(leaf)
        context.set_alpn_protocols([H2])
        super().__init__(context)
        self.respond = respond or self.answer
        self.initial = b""
        self.settings: dict[SettingCodes, int] = {}
        self.requests: list[Exchange] = []
        self.resets = 0

    def answer(self, exchange: Exchange) -> None:
        told = self.script.answer(exchange.body, "https", "")
        assert isinstance(told, bytes)
        exchange.reply(told)

    async def _converse(self, stream: TlsStream) -> None:
        if self.initial:
            await stream.send_all(self.initial)
            await trio.sleep_forever()
        http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        http.local_settings = Settings(client=False, initial_values=self.settings)
        http.initiate_connection()
        await stream.send_all(http.data_to_send())
        began: dict[int, Exchange] = {}
        try:
            while data := await stream.receive_some():
                for exchange in self._hear(http, http.receive_data(data), began):
                    await self.gate.wait()
                    self.respond(exchange)
                await stream.send_all(http.data_to_send())
        finally:
            vars(http).clear()  # it refers to itself

    def _hear(
        self, http: H2Connection, events: list[h2.events.Event], began: dict[int, Exchange]
    ) -> list[Exchange]:
        """The requests that are whole."""
        ended = []
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                number = event.stream_id
                headers = dict(event.headers)
                began[number] = Exchange(http, number, headers)
            elif isinstance(event, h2.events.DataReceived):
                began[event.stream_id].body += event.data
                http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                exchange = began.pop(event.stream_id)
                self.sizes.append(len(exchange.body))
                self.queries.append(exchange.body)
                self.requests.append(exchange)
                ended.append(exchange)
            elif isinstance(event, h2.events.StreamReset):
                self.resets += 1
        return ended


def over_https(host: str = HOST, name: str = NAME, port: int = 443) -> Server:
    return Server(host, port, b"\0", Transport.HTTPS, name)


def strict(*servers: Server, pins: frozenset[bytes] = frozenset()) -> Encryption:
    """As in `tls_servers`, for HTTP/2."""
    if pins:
        context = tls_terms.believing_anybody(alpn=H2)
    else:
        context = tls_terms.proving(authority_pem(), alpn=H2)
    terms = {one.key: Terms(context, name_to_prove(one), pins, DOH_PATH) for one in servers}
    return Encryption(terms)
