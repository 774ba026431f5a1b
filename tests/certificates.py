"""Servers of TLS that are as they should be, and such as are not; on free ports of loopback.

Each certificate comes from an authority of the test's own. What no library would do (a certificate
that is none, TLCP's alert) is written byte by byte.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "server.test"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

Answer = Callable[[socket.socket], object]
"""What a server does with a connection; it is closed afterwards."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority, and where its own certificate is."""

    ca: trustme.CA
    file: Path

    def server(self, *names: str, **more: Any) -> ssl.SSLContext:
        """A server with a certificate for these names (else NAME); `more` is trustme's."""
        return showing(self.ca.issue_cert(*(names or (NAME,)), **more))

    def behind(self, intermediates: int) -> ssl.SSLContext:
        """A server whose chain has so many authorities between it and the root."""
        ca = self.ca
        for _ in range(intermediates):
            ca = ca.create_child_ca()
        return showing(ca.issue_cert(NAME))

    def wanting(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """A server that wants a certificate of the client."""
        context = self.server()
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        self.ca.configure_trust(context)
        return context

    def client(self, folder: Path) -> tuple[Path, Path]:
        """A certificate for a client, and its key, as files."""
        leaf = self.ca.issue_cert("client.test")
        certificate, key = folder / "client.crt", folder / "client.key"
        certificate.write_bytes(b"".join(it.bytes() for it in leaf.cert_chain_pems))
        key.write_bytes(leaf.private_key_pem.bytes())
        return certificate, key


def authority(folder: Path, name: str = "ca") -> Authority:
    """Make one, its certificate in a file of the folder."""
    ca, file = trustme.CA(), folder / f"{name}.crt"
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)


def showing(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server that vouches for itself, and its certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "self.crt", folder / "self.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """Let every connection to the port be answered so; all are over when this ends."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            with suppress(OSError):  # clients hang up when they have seen enough
                answer(self.request)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def tls(context: ssl.SSLContext) -> Answer:
    """Shake hands and listen until the client hangs up."""

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            until_hung_up(secured)

    return answer


def until_hung_up(connection: socket.socket) -> None:
    """Never speak."""
    while connection.recv(4096):
        pass


def hang_up(connection: socket.socket) -> None:
    """Close after the client's first words, politely."""
    connection.recv(4096)


def reset(connection: socket.socket) -> None:
    """End it after the client's first words, with RST instead of FIN (socket(7), SO_LINGER)."""
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def saying(*words: bytes, pause_s: float = 0) -> Answer:
    """Hear the client's first words and say these, whatever it said."""

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        greeting(*words, pause_s=pause_s)(connection)

    return answer


def greeting(*words: bytes, pause_s: float = 0) -> Answer:
    """Speak first, with a pause after each word, and listen then."""

    def answer(connection: socket.socket) -> None:
        for word in words:
            connection.sendall(word)
            if pause_s:
                _wait(connection, pause_s)
        until_hung_up(connection)

    return answer


def _wait(connection: socket.socket, pause_s: float) -> None:
    """Wait so long, or fail as soon as the client hangs up."""
    connection.settimeout(pause_s)
    with suppress(TimeoutError):
        if not connection.recv(1):
            raise BrokenPipeError


def alert(description: int, version: bytes = b"\x03\x03") -> bytes:
    """A fatal alert (RFC 8446, 6)."""
    return b"\x15" + version + b"\x00\x02\x02" + bytes([description])


def certificate_message(der: bytes) -> bytes:
    """A server's first flight in TLS 1.2, up to a certificate of these bytes (RFC 5246, 7.4)."""
    renegotiation = bytes.fromhex("ff01000100")
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f\x00" + _sized(renegotiation, 2)
    certificates = _sized(_sized(der, 3), 3)
    messages = b"\x02" + _sized(hello, 3) + b"\x0b" + _sized(certificates, 3)
    return b"\x16\x03\x03" + _sized(messages, 2)


def _sized(content: bytes, size: int) -> bytes:
    return len(content).to_bytes(size) + content
