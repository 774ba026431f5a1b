"""What the demo's probes find on loopback: servers of its own, one that keeps still among them."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from agent.demo.town import PROBES, SYSTEMS

CERTIFICATE_DAYS = 21
"""It ends soon: that is one of the things to see."""

_PAGE = "<!doctype html><meta charset=utf-8><title>政务服务</title><p>一网通办".encode()
_HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(_PAGE)}\r\n"
_READ_WITHIN_S = 5.0


async def serve(stack: AsyncExitStack, certificate: Path, at_s: float) -> dict[str, int]:
    """Open all of them until the stack ends; give the port of each probe and system.

    Raises:
        OSError: an address cannot be listened on.
    """
    ports = {}
    for probe in PROBES:
        if probe.kind == "dns":
            ports[probe.name] = await _still(stack, probe.host)
        elif probe.kind != "icmp":
            tls = _tls(certificate, probe.host, at_s) if probe.kind == "tls" else None
            ports[probe.name] = await _server(stack, probe.host, tls)
    for system in SYSTEMS:
        ports[system.name] = await _server(stack, "127.0.0.1", None)
    return ports


async def _server(stack: AsyncExitStack, host: str, tls: ssl.SSLContext | None) -> int:
    server = await asyncio.start_server(_answer, host, 0, ssl=tls)
    stack.callback(server.close)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _still(stack: AsyncExitStack, host: str) -> int:
    """A port that takes datagrams and never answers, as what a firewall stands before."""
    loop = asyncio.get_running_loop()
    made = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(host, 0))
    transport: asyncio.DatagramTransport = made[0]
    stack.callback(transport.close)
    port: int = transport.get_extra_info("sockname")[1]
    return port


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give the page to whoever asks for one; most only look whether somebody is there."""
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            if await reader.readline():
                writer.write(f"{_HEAD}Connection: close\r\n\r\n".encode() + _PAGE)
                await writer.drain()
    except (OSError, TimeoutError, ValueError):
        return  # whoever it was has gone, or never meant to ask
    finally:
        writer.close()


def _tls(certificate: Path, host: str, at_s: float) -> ssl.SSLContext:
    """Make a certificate of its own authority, valid for `host` and not for long."""
    from cryptography import x509  # noqa: PLC0415 - loads slowly, and only the demo makes one
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "政务外网 CA")])
    now = datetime.fromtimestamp(at_s, UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=340))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files: Mapping[Path, bytes] = {
        certificate: made.public_bytes(pem),
        certificate.with_suffix(".key"): key.private_bytes(pem, *plain),
    }
    for file, content in files.items():
        file.touch(mode=0o600)
        file.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context
