"""What holds between items: groups, interfaces, waivers, the classified rule.

The rules read what is written, not the models: so they see an item whatever else is wrong with it,
and every mistake is reported at once. What is not plainly against a rule passes here.
"""

from collections import defaultdict
from collections.abc import Mapping

from collectors.fields import seen
from config.document import Document, Loc, Raw, text

Row = dict[str, Raw]
_HOW = ("name", "alias", "description", "index")


def check_rules(document: Document, probes: Mapping[str, Loc]) -> None:
    """Report every breach between items; `probes` are the places of all targets' names."""
    _groups(document)
    _interfaces(document)
    _local_servers(document)
    _waivers(document)
    _classified(document)
    _successors(document, probes)


def _groups(document: Document) -> None:
    """A group stays within one network and has a primary (the standby is judged with it)."""
    members: dict[str, list[tuple[Loc, Row]]] = defaultdict(list)
    for loc, row in document.rows("links"):
        group = text(row, "group")
        if group:
            members[group].append((loc, row))
    for group, rows in members.items():
        _one_network(document, group, rows)
        if all(text(row, "role") == "backup" for _, row in rows):
            names = ", ".join(text(row, "name") or "?" for _, row in rows)
            msg = f"group {seen(group)} has only backup links: {names}; make one role: primary"
            document.report((*rows[0][0], "group"), msg)


def _one_network(document: Document, group: str, rows: list[tuple[Loc, Row]]) -> None:
    first, first_row = rows[0]
    network = text(first_row, "network")
    for loc, row in rows[1:]:
        other = text(row, "network")
        if network and other and other != network:
            msg = f"group {seen(group)} is of network {seen(network)} ({document.place(first)})"
            msg += f", this link of {seen(other)}; name another group"
            document.report((*loc, "group"), msg)


def _interfaces(document: Document) -> None:
    """Two links on one interface would count its octets twice."""
    first: dict[tuple[str, ...], Loc] = {}
    for loc, row in document.rows("links"):
        bound = _bound_to(row.get("interface"))
        if bound is None:
            continue
        if bound in first:
            name, place = document.key(first[bound]), document.place(first[bound])
            msg = f"the same interface as {name} ({place}); bind one link to one interface"
            document.report((*loc, "interface"), msg)
        first.setdefault(bound, loc)


def _bound_to(interface: Raw | None) -> tuple[str, ...] | None:
    if not isinstance(interface, dict):
        return None
    local, device = text(interface, "local"), text(interface, "device")
    if local:
        return ("local", local)
    how = [(key, value) for key in _HOW if (value := text(interface, key))]
    return ("device", device, *how[0]) if device and how else None


def _local_servers(document: Document) -> None:
    local = [loc for loc, row in document.rows("servers") if text(row, "local") == "true"]
    for loc in local[1:]:
        msg = f"this host is {document.key(local[0])} already ({document.place(local[0])})"
        document.report((*loc, "local"), f"{msg}; leave one of them")


def _waivers(document: Document) -> None:
    """SNMP that is not authPriv needs the device's own dated waiver."""
    weak = {
        text(row, "name"): why for _, row in document.rows("credentials") if (why := _weak(row))
    }
    for loc, row in document.rows("devices"):
        credential = text(row, "credential") or ""
        if credential in weak and "waiver" not in row:
            msg = f"{seen(credential)} is {weak[credential]}; use version 3 with auth and priv, or "
            msg += "give this device a waiver: {until: YYYY-MM-DD, reason: …, approver: …}"
            document.report((*loc, "credential"), msg)


def _weak(credential: Row) -> str | None:
    version = text(credential, "version")
    if version == "2c":
        return "version 2c, in the clear"
    if version == "3" and "priv" not in credential:
        return "version 3 without priv" if "auth" in credential else "version 3 without auth"
    return None


def _classified(document: Document) -> None:
    """A classified network is never polled or probed live: nothing may touch it."""
    places = {
        text(row, "name"): document.place(loc)
        for loc, row in document.rows("networks")
        if text(row, "classified") == "true"
    }
    for section in ("links", "probes", "pairs"):
        for loc, row in document.rows(section):
            network = text(row, "network")
            if network and network in places:
                msg = f"network {seen(network)} is classified ({places[network]}): it is never "
                document.report((*loc, "network"), f"{msg}polled or probed live; take this out")
    for loc, row in document.rows("networks"):
        if text(row, "classified") == "true" and "uplinks" in row:
            msg = "a classified network has no uplinks here: it is never polled live; take them out"
            document.report((*loc, "uplinks"), msg)


def _successors(document: Document, probes: Mapping[str, Loc]) -> None:
    """What must not answer is good while silent: it would prove a successor that is not there."""
    for loc, row in document.rows("networks"):
        successor = row.get("successor")
        names = successor.get("probes") if isinstance(successor, dict) else None
        for n, name in enumerate(names if isinstance(names, list) else []):
            if not isinstance(name, str) or name not in probes:
                continue
            probe = document.value(probes[name])
            if isinstance(probe, dict) and text(probe, "expect") == "unreachable":
                place = document.place(probes[name])
                msg = f"{seen(name)} must not answer ({place}), so it proves no "
                msg += "successor; name a probe that must answer"
                document.report((*loc, "successor", "probes", n), msg)
