"""`netfold register check`: how complete the register is, and where reality disagrees."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from agent import clock, facts
from agent.assessor import SETTLED_S
from agent.cli.shown import console, percent, table
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.judge.completeness import Completeness, completeness, links_of
from agent.judge.reconcile import Disagreement, Seen, reconcile
from agent.reconciliation import not_exempt, ports, silences, statuses
from agent.round import measure_once
from collectors.base import Target
from config.agent import AgentConfig
from config.targets import targets


class Checked(NamedTuple):
    """What a check has to say; `not_looked_at` names what it could not tell, and why."""

    complete: Sequence[Completeness]
    disagreements: Sequence[Disagreement]
    not_looked_at: Sequence[str]


def checked(config: AgentConfig, *, live: bool) -> Checked:
    """Score every network, and hold the register against the history and, if asked, the devices."""
    missed: list[str] = []
    seen = _by_history(config, missed)
    if live:
        seen = _by_devices(config, seen, missed)
    else:
        missed.append("ports and undeclared interfaces: --live asks the devices")
    scores = [
        completeness(network, its)
        for network, its in links_of(config.networks, config.links)
        if network.kind != "local"
    ]
    found = reconcile(config.networks, config.links, config.systems, seen)
    return Checked(scores, list(found), missed)


def show(done: Checked) -> None:
    """Print it for a person."""
    stdout = console()
    scores = table("network", ">complete", "~missing", title="declared, of what reports need")
    for it in done.complete:
        scores.add_row(it.network, percent(it.ratio), ", ".join(it.missing))
    stdout.print(scores)
    if done.disagreements:
        shown = table("subject", "disagreement", "~what", title="where reality disagrees")
        for one in done.disagreements:
            shown.add_row(one.subject, one.kind, one.words)
        stdout.print(shown)
    else:
        stdout.print("no disagreement was found")
    for line in done.not_looked_at:
        stdout.print(f"not looked at: {line}", highlight=False, soft_wrap=True)


def as_json(done: Checked) -> str:
    """The same for machines."""
    complete = [
        {"network": it.network, "complete_ratio": round(it.ratio, 6), "missing": list(it.missing)}
        for it in done.complete
    ]
    found = [
        {"kind": it.kind, "subject": it.subject, "words": it.words} for it in done.disagreements
    ]
    said = {
        "networks": complete,
        "disagreements": found,
        "not_looked_at": list(done.not_looked_at),
    }
    return json.dumps(said, ensure_ascii=False, indent=2)


def _by_history(config: AgentConfig, missed: list[str]) -> Seen:
    path = config.data_dir / "history.sqlite"
    if not path.exists():
        missed.append(f"silent lines and use of systems: there is no history at {path}")
        return Seen()
    try:
        with HistoryReader(path) as reader:
            end_tick = int((clock.now().wall_s - SETTLED_S) // reader.tick_s)
            return Seen(
                silences=silences(config, reader, end_tick),
                systems=statuses(config, reader, end_tick),
            )
    except HistoryError as error:
        missed.append(f"silent lines and use of systems: {error}")
        return Seen()


def _by_devices(config: AgentConfig, seen: Seen, missed: list[str]) -> Seen:
    lines = [it for it in targets(config) if it.kind in {"snmp_interfaces", "host"}]
    observations = asyncio.run(measure_once(lines))
    missed += [f"{it.target.name}: {it.reason}: {it.detail}" for it in observations if it.reason]
    up, port_bps = ports(observations)
    asked = set(not_exempt(config, facts.day(clock.now().wall_s)))
    up = {name: is_up for name, is_up in up.items() if name in asked}
    devices = [it.target for it in observations if it.target.kind == "snmp_interfaces"]
    found = _undeclared(devices, missed)
    return replace(seen, up=up, port_bps=port_bps, undeclared=found)


def _undeclared(devices: Sequence[Target], missed: list[str]) -> dict[str, list[str]]:
    if not devices:
        return {}
    # Imported where there is a device: SNMP is the heaviest of the collectors.
    from agent.undeclared import find_undeclared  # noqa: PLC0415 - only with --live
    from collectors.snmp_interfaces import SnmpTarget  # noqa: PLC0415 - only with --live

    found = asyncio.run(find_undeclared(it for it in devices if isinstance(it, SnmpTarget)))
    missed += found.unknown
    return found.interfaces
