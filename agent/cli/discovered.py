"""What `netfold discover` found, as a person reads it and as a configuration has it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.cli.shown import UNKNOWN, console, percent, plain, scaled, table
from collectors.fields import split_address
from collectors.snmp.host import Memory, Storage
from collectors.snmp.inventory import Interface, Inventory, Progress

ROOMY = 100
"""Narrower terminals show which interfaces there are, not how they fare."""

_INNER = {1, 24, 126, 150, 209}
"""IANAifType: other (as NULL0), softwareLoopback, ip (a VRF), mplsTunnel, bridge."""

_NAME_WIDTH = 22
"""A long alias leaves so many columns to the names beside it."""

_LONGEST_TEXT = 200
_CONTROL = frozenset(chr(it) for it in (*range(0x20), *range(0x7F, 0xA0)))

FILL_IN_NETWORK = "FILL-IN-THE-NETWORK"
FILL_IN_CREDENTIAL = "FILL-IN-THE-CREDENTIAL"
FILL_IN_BANDWIDTH = "FILL-IN-THE-CONTRACTED-BANDWIDTH"


@contextmanager
def progress(agent: str) -> Iterator[Progress]:
    """Say on stderr, a terminal, how far the reading has come; it leaves nothing behind."""
    asking = f"asking {escape(agent)} …"
    with Console(stderr=True).status(asking) as status:
        values = 0

        def tell(more: int) -> None:
            nonlocal values
            values += more
            status.update(f"{asking} {values:,} values read")

        yield tell


def show(found: Inventory) -> None:
    """Print to stdout as tables; on a terminal in colour and at its width."""
    stdout = console()
    system = found.system
    heading = " · ".join(
        it.split("\n")[0].strip() for it in (system.name, system.description) if it
    )
    if heading:
        stdout.print(heading, highlight=False)
    if system.uptime_seconds is not None:
        stdout.print(f"up {timedelta(seconds=int(system.uptime_seconds))}", highlight=False)
    real = [it for it in found.interfaces if not _is_phantom(it)]
    if real:
        stdout.print(_summary(real), highlight=False)
    parts = (_interfaces(real, stdout.width), _processors(found), _stores(found))
    for part in parts:
        if part.row_count:
            stdout.print()
            stdout.print(part)
    if phantoms := len(found.interfaces) - len(real):
        rows = "1 row more has" if phantoms == 1 else f"{phantoms:,} rows more have"
        stdout.print(f"\n{rows} neither a state nor counters; see --json", highlight=False)


def as_yaml(found: Inventory, address: str, credential: str | None) -> str:
    """Write the device, and a link for each interface that may be a line, for a configuration.

    What the operator has to decide is left as a word that `netfold check` points at.
    """
    device = _name(found.system.name or split_address(address)[0])
    lines = [
        "devices:",
        f"  - name: {_quoted(device)}",
        f"    address: {_quoted(address)}",
        f"    credential: {_quoted(credential) if credential else FILL_IN_CREDENTIAL}",
    ]
    likely = [it for it in found.interfaces if _may_be_a_line(it)]
    lines += ["links:"] if likely else []
    taken: set[str] = set()
    for interface in likely:
        key, value = _binding(interface, found.interfaces)
        name = _name(f"{device}-{value if key != 'index' else f'if{value}'}")
        while name in taken:
            name = f"{name}-{interface.index}"
        taken.add(name)
        lines += [
            f"  - name: {_quoted(name)}",
            f"    network: {FILL_IN_NETWORK}",
            f"    interface: {{device: {_quoted(device)}, {key}: {_quoted(value)}}}",
            f"    bandwidth: {FILL_IN_BANDWIDTH}{_comment(interface)}",
        ]
    return "\n".join(lines) + "\n"


def _is_phantom(it: Interface) -> bool:
    given = (it.admin_status, it.oper_status, it.speed_bits_per_second)
    return {*given, it.receive_bytes, it.transmit_bytes} == {None}


def _may_be_a_line(it: Interface) -> bool:
    """Whether it is up and counts both directions, and is none of a device's inner interfaces."""
    counts = None not in {it.receive_bytes, it.transmit_bytes}
    return it.oper_status == "up" and counts and it.type not in _INNER and it.index > 0


def _binding(interface: Interface, others: Sequence[Interface]) -> tuple[str, str]:
    """Choose what only this interface shows: it stays when indexes move."""
    for key in ("name", "description", "alias"):
        value = getattr(interface, key)
        if _is_writable(value) and sum(getattr(it, key) == value for it in others) == 1:
            return key, value
    return "index", str(interface.index)


def _is_writable(text: str | None) -> bool:
    """Whether a configuration takes it: one line, not too long, no control characters."""
    return bool(text) and len(text or "") <= _LONGEST_TEXT and _CONTROL.isdisjoint(text or "")


def _summary(interfaces: Sequence[Interface]) -> str:
    states = Counter(_state(it) for it in interfaces)
    states["in no known state"] = states.pop(UNKNOWN, 0)
    counted = ", ".join(f"{count:,} {state}" for state, count in states.most_common() if count)
    many = "1 interface" if len(interfaces) == 1 else f"{len(interfaces):,} interfaces"
    return f"{many}: {counted}"


def _state(it: Interface) -> str:
    return "off" if it.admin_status == "down" else it.oper_status or UNKNOWN


def _interfaces(interfaces: Sequence[Interface], width: int) -> Table:
    columns = ["index", "~name", "~alias", "state", ">speed", ">received", ">sent", ">errors"]
    shown = table(*(columns if width >= ROOMY else columns[:5]), box=False)
    names = [plain(it.name or it.description) for it in interfaces]
    shown.columns[1].min_width = min(max(map(cell_len, names), default=0), _NAME_WIDTH)
    for it, name in zip(interfaces, names, strict=True):
        errors = [count for count in (it.receive_errors, it.transmit_errors) if count is not None]
        tells = it.alias not in {it.name, it.description}
        cells = (
            str(it.index),
            name,
            plain(it.alias if tells else None),
            _state(it),
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
    kept = "".join(it if it.isprintable() and it not in '"\\{}' else " " for it in text)
    return "-".join(kept.split())[:100].strip("-") or "device"


def _comment(it: Interface) -> str:
    """The interface's alias beside what it may tell: carriers and contracts are often in it."""
    alias = it.alias if it.alias not in {it.name, it.description} else None
    text = "".join(one if one.isprintable() else " " for one in alias or "").strip()
    return f"  # {text}" if text else ""


def _quoted(text: str) -> str:
    """Write a double-quoted YAML scalar."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return '"' + "".join(it if it.isprintable() else f"\\U{ord(it):08x}" for it in escaped) + '"'
