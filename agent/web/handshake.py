"""TLS handshakes by the certificates of the moment, whose failures the client is told."""

import ssl
from collections.abc import Callable
from typing import Any, Self


class ContextInForce(ssl.SSLContext):
    """Shakes hands by the context that `now` returns, as Go's GetConfigForClient lets one do."""

    def __new__(cls, _: Callable[[], ssl.SSLContext]) -> Self:
        """Make it; what it is made of is never used."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, now: Callable[[], ssl.SSLContext]) -> None:
        self._now = now

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **named: Any
    ) -> ssl.SSLObject:
        """Begin a handshake, as asyncio and uvloop do for each connection."""
        context = self._now()
        context.sslobject_class = _Handshake
        begun = context.wrap_bio(incoming, outgoing, *args, **named)
        if isinstance(begun, _Handshake):
            begun.outgoing = outgoing
        return begun


class _Handshake(ssl.SSLObject):
    """Has the loop send OpenSSL's alert before it closes a connection whose handshake failed.

    asyncio and uvloop close at once, and the client would not learn that its certificate or its
    protocol is refused. So they are first asked for more data, which makes them send what there is;
    the client closes when it reads the alert, and one that does not gets the error now.
    """

    outgoing: ssl.MemoryBIO
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if not self.outgoing.pending:  # nothing to say to who does not speak TLS
                raise
            self._failure = error
            raise ssl.SSLWantReadError from error
