"""Texts that an operator writes, and the values they stand for: `60s`, `100M`, `r1`."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TENS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
# The last label holds a letter (RFC 3696): `22` and `10.0.0` are no hosts but slips of the pen.
_HOST = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*(?=[^.]*[A-Za-z]){_LABEL}")
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]+)(?::(\d{1,5}))?")
_HIGHEST_PORT = 65535
_LEAST_BPS = 1000
_SEEN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a text that names an item of a section of the configuration; the loader looks it up."""

    section: str


def seen(text: str) -> str:
    """Quote what an operator wrote for a message, cut where it would fill the screen."""
    return repr(text if len(text) <= _SEEN_CHARACTERS else text[: _SEEN_CHARACTERS - 1] + "…")


def split_address(address: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[2001:db8::1]:port` or a bare IPv6 address; no port is None.

    Raises:
        ValueError: it is none of these; port 0 passes, for those who listen.

    """
    if _is_ip(address):
        return address, None
    match = _HOST_AND_PORT.fullmatch(address)
    host = match[1].strip("[]") if match else ""
    port = int(match[2]) if match and match[2] else None
    bracketed_well = (":" in host) == address.startswith("[")
    known_host = _is_ip(host) or _HOST.fullmatch(host)
    if not (bracketed_well and known_host and (port or 0) <= _HIGHEST_PORT):
        msg = f"not an address: {seen(address)}; write a host, or host:port, as 198.51.100.1:161"
        raise ValueError(msg)
    return host, port


def join_address(host: str, port: int) -> str:
    """Write `host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own_address(value: object) -> object:
    if isinstance(value, str) and not _is_ip(value):
        msg = f"not an IP address: {seen(value)}; write one of this host's own, as 198.51.100.7"
        raise ValueError(msg)
    return value


OwnAddress = Annotated[str, BeforeValidator(_own_address)]
"""An IP address of this host, to send from where it has several."""


def _nic_name(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[^\s/]{1,15}", value):
        msg = f"not a network interface: {seen(value)}; write one of this host's own, as eth1"
        raise ValueError(msg)
    return value


NicName = Annotated[str, BeforeValidator(_nic_name)]
"""A network interface of this host, to send from where it has several (netdevice(7))."""


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return not re.search(r"\s", text)


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, port = split_address(value)
    if port == 0:
        msg = f"not a target: {seen(value)} has port 0; write a port of 1 to 65535"
        raise ValueError(msg)
    what = not_one_host(host) if _is_ip(host) else None
    if what:
        msg = f"not a target: {seen(value)} is {what}; write the address of one host"
        raise ValueError(msg)
    return value


def not_one_host(host: str) -> str | None:
    """Say what an IP address is that many hosts or none listen to; None for that of one host."""
    ip = ipaddress.ip_address(host)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    if ip.is_multicast:
        return "a multicast address"
    if ip.is_unspecified:
        return "the unspecified address"
    return "the broadcast address" if str(ip) == "255.255.255.255" else None


def _host(value: object) -> object:
    if isinstance(value, str) and split_address(value)[1] is not None:
        msg = f"an address without a port belongs here: {seen(value)}; write the host alone"
        raise ValueError(msg)
    return _address(value)


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)", value)
    if match is None:
        msg = f"not a duration: {seen(value)}; write a number and ms, s, m, h or d, as 60s"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2]]


def _bandwidth(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)([kMGT]?)", value)
    if match is None or float(match[1]) == 0:
        msg = f"not a bandwidth: {seen(value)}; write bit/s above 0 with k, M, G or T, as 100M"
        raise ValueError(msg)
    bps = float(f"{match[1]}e{_TENS[match[2]]}")  # 2.2M is 2200000; 2.2 * 10**6 is more
    if bps < _LEAST_BPS:
        msg = f"not a bandwidth: {seen(value)} is {bps:g} bit/s; write k, M or G too, as 100M"
        raise ValueError(msg)
    return bps


def _name(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[^\s\"\\{}]{1,128}", value):
        msg = f"not a name: {seen(value)}; write up to 128 characters, no blanks, quotes or braces"
        raise ValueError(msg)
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
"""Seconds, written as `500ms`, `60s`, `5m`, `12h` or `400d`."""

Bandwidth = Annotated[float, BeforeValidator(_bandwidth)]
"""Bit/s; `M` is 10^6, as in a line's contract."""

Name = Annotated[str, BeforeValidator(_name)]
"""What something is called in the configuration and in labels."""

Address = Annotated[str, BeforeValidator(_address)]
"""One host, by name or IP address, with a port or without; `split_address` takes it apart."""

Host = Annotated[str, BeforeValidator(_host)]
"""One host, by name or IP address, for kinds without a port or with one as an option."""
