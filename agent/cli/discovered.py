"""What `netfold discover` found, as a person reads it and as a configuration has it."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from rich.table import Table

from agent.cli.shown import UNKNOWN, console, percent, plain, scaled, table
from collectors.fields import split_address
from collectors.snmp.host import Memory, Storage
from collectors.snmp.inventory import Interface, Inventory

ROOMY = 100
"""Narrower terminals show which interfaces there are, not how they fare."""

LOOPBACK = 24  # softwareLoopback of IANAifType
FILL_IN_NETWORK = "FILL-IN-THE-NETWORK"
FILL_IN_CREDENTIAL = "FILL-IN-THE-CREDENTIAL"
FILL_IN_BANDWIDTH = "FILL-IN-THE-CONTRACTED-BANDWIDTH"


def show(found: Inventory) -> None:
    """Print to stdout as tables; on a terminal in colour and at its width."""
    stdout = console()
    system = found.system
    heading = " · ".join(
        it.split("\n")[0].strip() for it in (system.name, system.description) if it
    )
    if heading:
        stdout.print(heading, markup=False, highlight=False)
    if system.uptime_seconds is not None:
        stdout.print(f"up {timedelta(seconds=int(system.uptime_seconds))}")
    parts = (_interfaces(found, stdout.width), _processors(found), _stores(found))
    for part in parts:
        if part.row_count:
            stdout.print(part)


def as_yaml(found: Inventory, address: str, credential: str | None) -> str:
    """Write the device and a link for each interface that is up, for a configuration.

    What the operator has to decide is left as a word that `netfold check` points at. A JSON
    string is a YAML string as well.
    """
    device = _name(found.system.name or split_address(address)[0])
    lines = [
        "devices:",
        f"  - name: {_quoted(device)}",
        f"    address: {_quoted(address)}",
        f"    credential: {_quoted(credential) if credential else FILL_IN_CREDENTIAL}",
    ]
    up = [it for it in found.interfaces if it.oper_status == "up" and it.type != LOOPBACK]
    taken: Counter[str] = Counter()
    for interface in up:
        key, value = _binding(interface, found.interfaces)
        name = _name(f"{device}-{value if key != 'index' else f'if{value}'}")
        taken[name] += 1
        name = name if taken[name] == 1 else f"{name}-{interface.index}"
        lines += [
            "links:" if interface is up[0] else "",
            f"  - name: {_quoted(name)}",
            f"    network: {FILL_IN_NETWORK}",
            f"    interface: {{device: {_quoted(device)}, {key}: {_quoted(value)}}}",
            f"    bandwidth: {FILL_IN_BANDWIDTH}{_comment(interface.alias)}",
        ]
    return "\n".join(line for line in lines if line) + "\n"


def _binding(interface: Interface, others: Iterable[Interface]) -> tuple[str, str]:
    """Choose what only this interface shows: it stays when indexes move."""
    names = [it.name for it in others if it.name]
    descriptions = [it.description for it in others if it.description]
    if interface.name and names.count(interface.name) == 1:
        return "name", interface.name
    if interface.description and descriptions.count(interface.description) == 1:
        return "description", interface.description
    return "index", str(interface.index)


def _interfaces(found: Inventory, width: int) -> Table:
    columns = ["index", "name", "~alias", "state", ">speed", ">received", ">sent", ">errors"]
    shown = table(*(columns if width >= ROOMY else columns[:5]), box=False)
    for it in found.interfaces:
        errors = [count for count in (it.receive_errors, it.transmit_errors) if count is not None]
        state = it.oper_status if it.admin_status != "down" else "off"
        cells = (
            str(it.index),
            plain(it.name or it.description),
            plain(it.alias),
            state or UNKNOWN,
            scaled(it.speed_bits_per_second, "bit/s"),
            scaled(it.receive_bytes, "B"),
            scaled(it.transmit_bytes, "B"),
            str(sum(errors)) if errors else UNKNOWN,
        )
        shown.add_row(*cells[: len(shown.columns)])
    return shown


def _processors(found: Inventory) -> Table:
    shown = table("processor", "~description", ">busy", box=False)
    for it in found.processors:
        shown.add_row(it.index, plain(it.description), percent(it.utilisation_ratio))
    return shown


def _stores(found: Inventory) -> Table:
    shown = table("~memory and storage", ">size", ">used", ">share", box=False)
    rows: list[Memory | Storage] = [*found.memory, *found.storage]
    for it in rows:
        used, total = it.used_bytes, it.total_bytes
        ratio = used / total if used is not None and total else None
        shown.add_row(plain(it.description), scaled(total, "B"), scaled(used, "B"), percent(ratio))
    return shown


def _name(text: str) -> str:
    """Make a name of a text: no blanks, quotes or braces, at most 100 characters."""
    return re.sub(r"[\s\"\\{}]+", "-", text)[:100].strip("-") or "device"


def _comment(alias: str | None) -> str:
    """The interface's alias beside what it may tell: carriers and contracts are often in it."""
    text = "".join(it if it.isprintable() else " " for it in alias or "").strip()
    return f"  # {text}" if text else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
