"""The configuration of a department whose devices are snmpds of tests/snmpd.py."""

from pathlib import Path
from typing import Any

from tests.snmpd import SECRETS


def department(folder: Path, devices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A department's configuration, its secrets in files; `devices` bring address and name."""
    for name, secret in zip(("community", "auth", "priv"), SECRETS, strict=True):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(secret)
    auth = {"protocol": "SHA-256", "secret": {"file": str(folder / "auth")}}
    priv = {"protocol": "AES-128", "secret": {"file": str(folder / "priv")}}
    waiver = {"until": "2099-12-31", "reason": "a test", "approver": "网络中心"}
    credentials = [
        {"name": "v2c", "version": "2c", "community": {"file": str(folder / "community")}},
        {"name": "v3", "version": "3", "user": "monitor", "auth": auth, "priv": priv},
    ]
    waived = [
        device if device["credential"] == "v3" else device | {"waiver": waiver}
        for device in devices
    ]
    networks = [
        {"name": "edu", "title": "教育专网", "kind": "dedicated", "destination": "extranet"}
    ]
    return {"credentials": credentials, "networks": networks, "devices": waived, **more}


def device(name: str, port: int, credential: str = "v2c", **more: Any) -> dict[str, Any]:
    """A device on loopback, polled every second unless `more` says otherwise."""
    address = f"127.0.0.1:{port}"
    return {"name": name, "address": address, "credential": credential, "interval": "1s"} | {
        "timeout": "1s",
        **more,
    }


def link(name: str, of: str, interface_name: str) -> dict[str, Any]:
    """A line of network edu."""
    interface = {"device": of, "name": interface_name}
    return {"name": name, "network": "edu", "interface": interface, "bandwidth": "100M"}
