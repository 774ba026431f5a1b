"""One probe as written -> the targets that it comes to: both families, every address of a range.

A target of a family is named NAME-ipv4 or NAME-ipv6, one of a range NAME-ADDRESS. A range is
taken only with a cap beside it, so that a slip of the pen never scans a network.
"""

import ipaddress
import re

from collectors.fields import seen
from config.document import Document, Loc, Raw, text

MOST_ADDRESSES = 4096
_CAP = "expand_up_to"
_DASHED = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})-(\d{1,3})")
_LAST_OCTET = 255

Row = dict[str, Raw]


def expanded(document: Document, loc: Loc, row: Raw) -> list[Raw]:
    """Return a row for each target that a probe comes to; none, reported, if it cannot be."""
    if not isinstance(row, dict):
        return [row]
    address = text(row, "address") or ""
    if "/" in address or _DASHED.fullmatch(address):
        return _each_address(document, loc, row, address)
    if _CAP in row:
        msg = f"no range of addresses stands in address: {seen(address)}; write one, as "
        document.report((*loc, _CAP), f"{msg}198.51.100.0/28, or take this out")
    if text(row, "family") == "both":
        return _each_family(document, loc, row, address)
    return [row]


def _each_family(document: Document, loc: Loc, row: Row, address: str) -> list[Raw]:
    if _is_numeric(address):
        msg = (
            f"an address has one family only: {seen(address)}; write a name there, or take this out"
        )
        document.report((*loc, "family"), msg)
        return []
    return [_variant(row, family, family=family) for family in ("ipv4", "ipv6")]


def _each_address(document: Document, loc: Loc, row: Row, address: str) -> list[Raw]:
    try:
        found = _addresses(address)
        _check_cap(row, address, len(found))
    except ValueError as error:
        document.report((*loc, "address"), str(error))
        return []
    if text(row, "family") == "both":
        msg = "a range has one family only; take this out"
        document.report((*loc, "family"), msg)
        return []
    return [_variant(row, it, address=it) for it in found]


def _variant(row: Row, suffix: str, **changes: str) -> Raw:
    name = text(row, "name")
    named: Row = {"name": f"{name}-{suffix}"} if name else {}
    return {**row, **named, **changes}


def _check_cap(row: Row, address: str, count: int) -> None:
    cap = text(row, _CAP)
    right = f"write one address, or {_CAP}: {count} beside it to make a target of each"
    if cap is None:
        msg = f"a range of {count} addresses: {seen(address)}; {right}"
        raise ValueError(msg)
    if not re.fullmatch(r"\d{1,9}", cap):
        return  # said where the model is made
    if count > int(cap):
        msg = f"{count} addresses are more than {_CAP} allows: {seen(address)}, {cap}; {right}"
        raise ValueError(msg)


def _addresses(text_of_range: str) -> list[str]:
    """Return the hosts of a range, never its network's own address nor its broadcast.

    Raises:
        ValueError: it is no range, too large a one, or one of addresses that are no hosts.

    """
    if match := _DASHED.fullmatch(text_of_range):
        return _dashed(text_of_range, match[1], int(match[2]), int(match[3]))
    try:
        network = ipaddress.ip_network(text_of_range)
    except ValueError as error:
        msg = f"not a range of addresses: {seen(text_of_range)}; write it as 198.51.100.0/28"
        raise ValueError(msg) from error
    if network.num_addresses > MOST_ADDRESSES:
        msg = f"more than {MOST_ADDRESSES} addresses: {seen(text_of_range)}; write a smaller range"
        raise ValueError(msg)
    if network.is_multicast or network.is_unspecified:
        msg = f"not a target: {seen(text_of_range)} is multicast; write a range of hosts"
        raise ValueError(msg)
    return [str(it) for it in network.hosts()]


def _dashed(written: str, net: str, first: int, last: int) -> list[str]:
    try:
        ends = [ipaddress.IPv4Address(f"{net}.{it}") for it in (first, last)]
    except ValueError as error:
        msg = f"not a range of addresses: {seen(written)}; write it as 198.51.100.1-14"
        raise ValueError(msg) from error
    if first > last:
        msg = f"a range that ends before it begins: {seen(written)}; write {net}.{last}-{first}"
        raise ValueError(msg)
    if ends[0].is_multicast:
        msg = f"not a target: {seen(written)} is multicast; write a range of hosts"
        raise ValueError(msg)
    if first == 0 or last == _LAST_OCTET:
        odd = ends[0] if first == 0 else ends[1]
        what = "the network's own" if first == 0 else "the broadcast"
        msg = f"not a target: {odd} is {what} address of {net}.0/24; write {net}.1-254 or less"
        raise ValueError(msg)
    return [f"{net}.{it}" for it in range(first, last + 1)]


def _is_numeric(address: str) -> bool:
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    return True
