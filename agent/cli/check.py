"""`netfold check`: every mistake in a configuration, and whether its targets answer."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from agent import clock, facts, logs
from agent.cli import config_option, stop
from agent.cli.advice import advised
from agent.cli.shown import scaled
from agent.cli.source import read
from agent.observe import Observation
from agent.round import measure_once
from collectors.base import CounterReading
from config.agent import AgentConfig
from config.problems import ConfigError
from config.targets import targets


@click.command()
@config_option
@click.option("--live", is_flag=True, help="Also try each target once.")
def command(path: Path | None, live: bool) -> None:
    """Check a configuration without touching the network; exit 2 if it has mistakes.

    With --live, exit 1 if any target cannot be measured.
    """
    if path is None:
        stop("netfold check: name the file, as in: netfold check -c netfold.yaml", 2)
    try:
        config = read(path)
    except ConfigError as error:
        count = len(error.problems)
        stop(f"{error}\n{count} mistake{'s' if count > 1 else ''}", 2)
    click.echo(f"{path}: no mistakes: {_counts(config)}")
    for note in _notes(config):
        click.echo(f"note: {note}")
    if live:
        logs.set_up()
        sys.exit(_try(config))


def _counts(config: AgentConfig) -> str:
    sections = ("networks", "devices", "links", "servers", "systems", "probes")
    counts = ((name, len(getattr(config, name))) for name in sections)
    return ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in counts)


def _notes(config: AgentConfig) -> Iterator[str]:
    """What is no mistake, but may not be what was meant."""
    if not targets(config):
        yield "nothing is measured: there is no device, probe or server"
    kinds = {network.name: network.kind for network in config.networks}
    for link in config.links:
        if link.bandwidth_bps is None and kinds[link.network] != "local":
            yield f"link {link.name} has no bandwidth: it can never be shown to be idle"
    for device in config.expired_waivers(facts.day(clock.now().wall_s)):
        until = device.waiver.until if device.waiver else ""
        yield f"the waiver of device {device.name} ended on {until}: renew it, or use SNMPv3"


def _try(config: AgentConfig) -> int:
    """Measure every target once; a line each, and 1 if any failed."""
    observations = asyncio.run(measure_once(targets(config), config.probe_packets_per_second))
    for it in observations:
        snmp = it.target.kind.startswith("snmp")
        verdict = "ok" if it.reason is None else advised(it.reason, it.detail, snmp=snmp)
        click.echo(f"{it.target.kind} {it.target.name} ({it.target.address}): {verdict}")
    for note in _beyond_the_port(config, observations):
        click.echo(f"note: {note}")
    return int(any(it.reason is not None for it in observations))


def _beyond_the_port(config: AgentConfig, observations: Iterable[Observation]) -> Iterator[str]:
    """Links whose contract is more than their port can carry: a slip, or a wrong port."""
    readings = {
        it.subject: it
        for observation in observations
        for it in observation.measurements
        if isinstance(it, CounterReading) and it.kind == "link"
    }
    for link in config.links:
        port_bps = readings[link.name].port_speed_bps if link.name in readings else None
        if link.bandwidth_bps and port_bps and link.bandwidth_bps > port_bps:
            contract, port = scaled(link.bandwidth_bps, "bit/s"), scaled(port_bps, "bit/s")
            yield f"link {link.name}: a bandwidth of {contract} on a port of {port}"
