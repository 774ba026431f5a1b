"""One round as a person reads it: links, servers, systems, probes, and what failed."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from agent.cli.advice import advised
from agent.cli.shown import UNKNOWN, console, percent, scaled, table
from agent.isolation import must_not_answer
from agent.observe import Observation
from collectors import link as link_metrics
from collectors.base import CounterReading, Sample, find
from config.agent import AgentConfig

MAX_ROWS = 40
Values = dict[tuple[str, tuple[str, ...]], float]


def show(config: AgentConfig, observations: Sequence[Observation]) -> None:
    """Print what was seen to stdout."""
    measurements = [one for it in observations for one in it.measurements]
    values = {
        (it.metric.name, it.labels): it.value for it in measurements if isinstance(it, Sample)
    }
    readings = {
        it.subject: it
        for it in measurements
        if isinstance(it, CounterReading) and it.kind == "link"
    }
    stdout = console()
    parts = (
        _links(config, values, readings),
        _servers(config, values),
        _systems(config, values),
        _probes(observations, values),
    )
    for part in parts:
        if part.row_count:
            stdout.print(part)
    if not observations:
        stdout.print("nothing to measure: the configuration names no device, probe or server")


def show_failures(observations: Iterable[Observation]) -> None:
    """Print a line for each target that could not be measured: why, and what to try."""
    for it in observations:
        if it.reason is not None:
            snmp = it.target.kind.startswith("snmp")
            what = f"{it.target.kind} {it.target.name} ({it.target.address})"
            line = f"{what}: {advised(it.reason, it.detail, snmp=snmp)}"
            console().print(line, style="yellow", highlight=False, soft_wrap=True)


def _links(config: AgentConfig, values: Values, readings: dict[str, CounterReading]) -> Table:
    columns = ("link", "~network", "state", ">capacity", ">port", ">received", ">sent")
    shown = table(*columns, title="links")
    kinds = {network.name: network.kind for network in config.networks}
    for link in config.links[:MAX_ROWS]:
        reading = readings.get(link.name)
        speed_bps = reading.port_speed_bps if reading else None
        capacity_bps = link.bandwidth_bps
        if capacity_bps is None and kinds[link.network] == "local":
            capacity_bps = speed_bps
        state = {1: "up", 0: "down"}.get(int(values.get((link_metrics.UP.name, (link.name,)), -1)))
        shown.add_row(
            link.name,
            link.network,
            state or UNKNOWN,
            scaled(capacity_bps, "bit/s"),
            scaled(speed_bps, "bit/s"),
            scaled(reading.receive_bytes if reading else None, "B"),
            scaled(reading.transmit_bytes if reading else None, "B"),
        )
    if len(config.links) > MAX_ROWS:
        shown.caption = f"and {len(config.links) - MAX_ROWS} more: /metrics has them all"
    return shown


def _servers(config: AgentConfig, values: Values) -> Table:
    columns = ("server", "~data centre", ">cores", ">CPU", ">memory", ">memory used")
    shown = table(*columns, title="servers")
    for server in config.servers[:MAX_ROWS]:

        def value(name: str, server: str = server.name) -> float | None:
            return values.get((f"netfold_server_{name}", (server,)))

        cores = value("cores")
        shown.add_row(
            server.name,
            server.data_centre or UNKNOWN,
            UNKNOWN if cores is None else f"{cores:g}",
            percent(value("cpu_ratio")),
            scaled(value("memory_bytes"), "B"),
            percent(value("memory_used_ratio")),
        )
    return shown


def _systems(config: AgentConfig, values: Values) -> Table:
    shown = table("system", "ports", "listening", ">clients", title="systems")
    for system in config.systems[:MAX_ROWS]:
        name = system.name
        listening = [
            str(port)
            for port in system.ports
            if values.get(("netfold_system_port_listening", (name, str(port))))
        ]
        clients = values.get(("netfold_system_clients", (name,)))
        shown.add_row(
            name,
            ", ".join(map(str, system.ports)) or UNKNOWN,
            ", ".join(listening) or UNKNOWN,
            UNKNOWN if clients is None else f"{clients:g}",
        )
    return shown


def _probes(observations: Iterable[Observation], values: Values) -> Table:
    columns = ("probe", "kind", "address", "~network", "answer", ">round trip", ">loss")
    shown = table(*columns, title="probes")
    for it in observations:
        collector = find(it.target.kind)
        if collector is None or not collector.probe or shown.row_count >= MAX_ROWS:
            continue
        rtt_s = values.get(("netfold_probe_rtt_seconds", (it.target.name, "mean")))
        shown.add_row(
            it.target.name,
            it.target.kind,
            it.target.address,
            it.target.network or UNKNOWN,
            _answer(it),
            UNKNOWN if rtt_s is None else f"{rtt_s * 1e3:.3g} ms",
            percent(values.get(("netfold_probe_loss_ratio", (it.target.name,)))),
        )
    return shown


def _answer(observation: Observation) -> str:
    if observation.reason is None:
        return "none, as it should be" if must_not_answer(observation.target) else "yes"
    # A fault of this node's says nothing of the target.
    return str(observation.reason) if observation.is_conclusive else "not asked"
