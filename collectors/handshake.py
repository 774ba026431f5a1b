"""A TLS handshake over a connected socket, byte by byte in our hands.

The loop's own TLS keeps to itself what a server said before it failed; here that decides on the
reason. Works on uvloop as on asyncio, and leaves nothing behind when it is cancelled.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint, failed
from collectors.tls_failure import why

MOST_BYTES = 2**18
"""Of a server's part; OpenSSL itself takes certificates of up to 100 KB."""

_READ_BYTES = 2**14
_BEGIN_BYTES = 64


class Handshake:
    """One attempt to agree with a server; `tls` is what it came to.

    `version` is empty, and `duration_s` None, until both agree and the server has proven itself.
    """

    def __init__(
        self, endpoint: Endpoint, connection: socket.socket, context: ssl.SSLContext, name: str
    ) -> None:
        self._endpoint, self._connection = endpoint, connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._began = b""
        self.received_bytes = 0
        self.duration_s: float | None = None
        self.version = ""
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    async def perform(self) -> None:
        """Shake hands.

        Raises:
            CollectError: `tls_verify`, `tls_expired`, `unsupported_protocol`, `auth` (it wants
                another certificate of ours), `unexpected_content` (no TLS), `reset`, or what else
                the connection met.

        """
        started_s = perf_counter()
        await self._until_done(self.tls.do_handshake)
        self.duration_s = perf_counter() - started_s
        self.version = self.tls.version() or ""

    async def hear_first_word(self) -> None:
        """Say goodbye and wait for the server's first word, whatever it is.

        In TLS 1.3 a server judges the client's certificate after the handshake, as the client sees
        it (RFC 8446, 2): only its next word shows that it wanted one. Goodbye makes it speak.

        Raises:
            CollectError: `auth`, if that word is a refusal.

        """
        if self.version != "TLSv1.3":
            return
        try:
            self.tls.unwrap()
        except ssl.SSLError:  # it wants to read, as it does below
            pass
        with suppress(CollectError):
            await self._send()  # a server that refused has reset by now; its word waits to be read
        try:
            await self._until_done(lambda: self.tls.read(1))
        except CollectError as error:
            if error.reason is Reason.AUTH:
                raise
            # Any other end is an end: the server may have sent data, hung up, or reset.

    async def _until_done(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                await self._send()
                await self._receive()
            except ssl.SSLError as error:
                chosen = self.tls.cipher() is not None
                reason, text = why(error, self._began, chosen=chosen)
                with suppress(CollectError):
                    await self._send()  # the alert that tells the server why, if it is still there
                raise CollectError(reason, f"{self._endpoint.host}: {text}") from error
            else:
                await self._send()
                return

    async def _send(self) -> None:
        try:
            if data := self._outgoing.read():
                await asyncio.get_running_loop().sock_sendall(self._connection, data)
        except OSError as error:
            raise failed(self._endpoint, error) from error

    async def _receive(self) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self._connection, _READ_BYTES)
        except OSError as error:
            raise failed(self._endpoint, error) from error
        self.received_bytes += len(data)
        if self.received_bytes > MOST_BYTES:
            msg = f"{self._endpoint.host}: a TLS handshake of more than {MOST_BYTES} bytes"
            raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
        self._began += data[: _BEGIN_BYTES - len(self._began)]
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
