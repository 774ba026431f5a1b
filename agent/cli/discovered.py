"""What `netfold discover` found, as a person reads it and as a configuration has it."""

import json
import re
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from collectors.fields import split_address
from collectors.snmp.inventory import Interface, Inventory, Memory, Storage

UNKNOWN = "-"
WIDE = 140
LOOPBACK = 24  # softwareLoopback of IANAifType
FILL_IN_NETWORK = "FILL-IN-THE-NETWORK"
FILL_IN_CREDENTIAL = "FILL-IN-THE-CREDENTIAL"
_THOUSAND = 1000


def show(found: Inventory) -> None:
    """Print to stdout as tables; on a terminal in colour and at its width."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    system = found.system
    heading = " · ".join(
        it.split("\n")[0].strip() for it in (system.name, system.description) if it
    )
    if heading:
        console.print(heading, markup=False, highlight=False)
    if system.uptime_seconds is not None:
        console.print(f"up {system.uptime_seconds / 86400:.1f} days")
    for table in (_interfaces(found), _processors(found), _stores(found)):
        if table.row_count:
            console.print(table)


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


def _interfaces(found: Inventory) -> Table:
    table = _table("index", "name", "alias", "state", ">speed", ">received", ">sent", ">errors")
    for it in found.interfaces:
        errors = [count for count in (it.receive_errors, it.transmit_errors) if count is not None]
        state = it.oper_status if it.admin_status != "down" else "off"
        table.add_row(
            str(it.index),
            _shown(it.name or it.description),
            _shown(it.alias),
            state or UNKNOWN,
            _scaled(it.speed_bits_per_second, "bit/s"),
            _scaled(it.receive_bytes, "B"),
            _scaled(it.transmit_bytes, "B"),
            str(sum(errors)) if errors else UNKNOWN,
        )
    return table


def _processors(found: Inventory) -> Table:
    table = _table("processor", "description", ">busy")
    for it in found.processors:
        table.add_row(it.index, _shown(it.description), _percent(it.utilisation_ratio))
    return table


def _stores(found: Inventory) -> Table:
    table = _table("memory and storage", ">size", ">used", ">share")
    rows: list[Memory | Storage] = [*found.memory, *found.storage]
    for it in rows:
        used, total = it.used_bytes, it.total_bytes
        ratio = used / total if used is not None and total else None
        table.add_row(
            _shown(it.description),
            _scaled(total, "B"),
            _scaled(used, "B"),
            _percent(ratio),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        justify = "right" if column.startswith(">") else "left"
        table.add_column(column.lstrip(">"), justify=justify)  # type: ignore[arg-type]  # a Literal
    return table


def _scaled(value: float | None, unit: str) -> str:
    if value is None:
        return UNKNOWN
    prefixes = ["", "k", "M", "G", "T"]
    while value >= _THOUSAND and len(prefixes) > 1:
        value /= _THOUSAND
        del prefixes[0]
    return f"{value:.4g} {prefixes[0]}{unit}"


def _shown(text: str | None) -> str:
    """Make a device's text safe for a terminal."""
    printable = "".join(it if it.isprintable() else " " for it in text or "")
    return escape(printable.strip() or UNKNOWN)


def _percent(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.0%}"


def _name(text: str) -> str:
    """Make a name of a text: no blanks, quotes or braces, at most 100 characters."""
    return re.sub(r"[\s\"\\{}]+", "-", text)[:100].strip("-") or "device"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
