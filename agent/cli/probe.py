"""`netfold probe`: one configured target, tried once, with the whole story."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import click

from agent import clock
from agent.cli import config_option, stop
from agent.cli.advice import MANUAL, advice_on
from agent.cli.source import read
from agent.isolation import must_not_answer
from agent.observe import Observation, observe
from agent.round import collector_of
from collectors.base import Collector, Reason, Sample, Target, Tools
from collectors.probe import Probe
from config.agent import AgentConfig
from config.problems import ConfigError, hint
from config.targets import targets


@click.command()
@click.argument("target", metavar="TARGET")
@config_option
def command(target: str, path: Path | None) -> None:
    """Try TARGET of the configuration once and tell every step.

    A probe by its name, or a device, server or `host`; the name of a range or of `family: both`
    tries each of its targets. Exit 1 if any is not as it should be.
    """
    try:
        config = read(path)
    except ConfigError as error:
        stop(error, 2)
    known = targets(config)
    found = [it for it in known if it.name == target] or _expanded(known, target)
    if not found:
        names = [it.name for it in known]
        stop(f"no target {target!r}; {hint(target, names, 'there are {}')}", 2)
    good = [asyncio.run(_tried(it, config)) for it in found]
    sys.exit(int(not all(good)))


def _expanded(known: list[Target], name: str) -> list[Target]:
    """The targets that one probe comes to, whose names begin with the one that is written."""
    suffixes = ("-ipv4", "-ipv6")
    return [
        it
        for it in known
        if it.name in {f"{name}{suffix}" for suffix in (*suffixes, f"-{it.address}")}
    ]


async def _tried(target: Target, config: AgentConfig) -> bool:
    """Try a target and print each step as it comes; whether all was as it should be."""
    collector = collector_of(target)
    for line in _head(target, config):
        click.echo(line)
    tools = Tools(clock.now, packets_per_s=config.probe_packets_per_second)
    started_s = perf_counter()
    _say(0.0, "begin")
    try:
        found = await observe(
            collector, target, tools, lambda step: _say(perf_counter() - started_s, step)
        )
    finally:
        await tools.close()
    _say(found.duration_s, "end")
    for line in (*_measured(found), *_verdict(collector, found)):
        click.echo(line)
    return found.reason is None


def _say(after_s: float, step: str) -> None:
    click.echo(f"{after_s * 1e3:10.2f} ms  {step}")


def _head(target: Target, config: AgentConfig) -> Iterator[str]:
    yield f"{target.kind} {target.name}: {target.address}"
    facts = [f"every {target.interval_s:g} s", f"timeout {target.timeout_s:g} s"]
    network = next((it for it in config.networks if it.name == target.network), None)
    if network:
        facts.append(f"network {network.name} ({network.kind})")
    if target.purpose:
        facts.append(f"purpose {target.purpose}")
    if target.family != "any":
        facts.append(target.family)
    if isinstance(target, Probe):
        source = " by ".join(filter(None, (target.source, target.source_interface)))
        facts += [f"from {source}"] if source else []
        facts += ["must not answer from here"] if must_not_answer(target) else []
    yield f"  {', '.join(facts)}"


def _measured(found: Observation) -> Iterator[str]:
    """What was measured, a line each, in the words of /metrics."""
    for it in found.measurements:
        if isinstance(it, Sample):
            labels = zip(it.metric.labels, it.labels, strict=True)
            told = ", ".join(f"{name} {value}" for name, value in labels if name != "target")
            yield f"  {it.metric.name}{f' ({told})' if told else ''}: {_shown(it)}"


def _shown(sample: Sample) -> str:
    """A moment as a date, a short time in the unit of the steps, all else as it is."""
    name = sample.metric.name
    if name.endswith("_timestamp_seconds"):
        return f"{datetime.fromtimestamp(sample.value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if name.endswith("_seconds") and sample.value < 1:
        return f"{sample.value * 1e3:.3f} ms"
    return f"{sample.value:.6g}"


def _verdict(collector: Collector, found: Observation) -> Iterator[str]:
    if found.reason is None and must_not_answer(found.target):
        yield f"isolated: it did not answer, as it should be ({found.detail})"
    elif found.reason is None:
        yield "good: it answered" if collector.probe else "good: all was measured"
    else:
        yield f"{_word(found)}: {found.reason}: {found.detail}"
        advice = advice_on(found.reason, snmp=found.target.kind.startswith("snmp"))
        if advice:
            yield f"what to do: {advice}"
        yield f"more: {MANUAL}#{found.reason}"


def _word(found: Observation) -> str:
    if found.reason is Reason.REACHED:
        return "isolation is breached"
    return "bad" if found.is_conclusive else "nothing is known of the target"
