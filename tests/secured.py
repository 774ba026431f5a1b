"""A real agent behind a web configuration, the authorities it trusts, and clients that ask it."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import trustme

from config.agent import Listen
from tests.agentproc import Agent, Answer, write
from tests.testbed import eventually, free_port, peer

PASSWORD = "planted-password-密码"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
USERS = {"basic_auth_users": {"alice": HASH}}
TLS = {"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}}


def certify(folder: Path, ca: trustme.CA, name: str = "server", **more: Any) -> bytes:
    """Write NAME.crt and NAME.key for 127.0.0.1; return the certificate."""
    folder.mkdir(exist_ok=True)
    leaf = ca.issue_cert("127.0.0.1", **more)
    # Renamed into place, as who renews certificates does.
    for suffix, content in (
        ("crt", b"".join(it.bytes() for it in leaf.cert_chain_pems)),
        ("key", leaf.private_key_pem.bytes()),
    ):
        file = folder / f"{name}.{suffix}"
        replace(file, content)
        file.chmod(0o600)
    return leaf.cert_chain_pems[0].bytes()


def replace(file: Path, content: bytes | str) -> None:
    """Put a file in the place of another, at once."""
    new = file.with_name(file.name + ".new")
    new.write_bytes(content if isinstance(content, bytes) else content.encode())
    new.replace(file)


def web_file(folder: Path, web: Mapping[str, Any]) -> Path:
    path = folder / "web.yml"
    replace(path, json.dumps(web))
    return path


@contextmanager
def secured(
    folder: Path, web: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> Iterator[Agent]:
    """Run `netfold run --web.config.file`; inside, it listens."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port("tcp")
    settings = {"node": {"name": "test"}, "data_dir": "data", "listen": f"127.0.0.1:{port}"}
    write(folder / "netfold.yaml", settings | dict(config or {}))
    command = [sys.executable, "-m", "agent", "run", "-c", folder / "netfold.yaml"]
    command += ["--web.config.file", web_file(folder, web)]
    log, output = folder / "log", folder / "output"
    with log.open("ab") as stderr, output.open("ab") as stdout:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    try:
        eventually(lambda: _listens(port, process, log), deadline_s=30)
        yield Agent(f"127.0.0.1:{port}", log, output, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)


def _listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def trusting(ca: trustme.CA, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """A client that trusts `ca` and, if it has one, shows its certificate."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if certificate:
        certificate.configure_cert(context)
    return context


def ask(
    agent: Agent | Listen,
    path: str = "/metrics",
    tls: ssl.SSLContext | None = None,
    user: str | None = None,
    method: str = "GET",
    **headers: str,
) -> Answer:
    """Ask over a connection of its own; `user` is NAME:PASSWORD."""
    address = agent.address if isinstance(agent, Agent) else str(agent)
    host, port = address.rsplit(":", 1)
    if user is not None:
        headers["Authorization"] = "Basic " + b64encode(user.encode()).decode()
    connection = (
        http.client.HTTPSConnection(host, int(port), timeout=10, context=tls)
        if tls
        else http.client.HTTPConnection(host, int(port), timeout=10)
    )
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def tool(name: str, *args: str | Path, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run curl or openssl to its end."""
    return peer(name).run(*args, input_text=stdin, timeout_s=30)
