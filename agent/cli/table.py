"""One round as a person reads it: links, servers, probes, and what failed."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table

from agent.observe import Observation
from collectors import link as link_metrics
from collectors.base import CounterReading, Sample, find
from config.agent import AgentConfig

MAX_ROWS = 40
UNKNOWN = "-"
THOUSAND = 1000
Values = dict[tuple[str, tuple[str, ...]], float]


def show(config: AgentConfig, observations: Sequence[Observation]) -> None:
    """Print to stdout; on a terminal in colour and at its width."""
    console = Console()
    if not console.is_terminal:
        console.width = 120
    measurements = [one for it in observations for one in it.measurements]
    values = {
        (it.metric.name, it.labels): it.value for it in measurements if isinstance(it, Sample)
    }
    readings = {
        it.subject: it
        for it in measurements
        if isinstance(it, CounterReading) and it.kind == "link"
    }
    tables = (
        _links(config, values, readings),
        _servers(config, values),
        _probes(observations, values),
    )
    for table in tables:
        if table.row_count:
            console.print(table)
    for it in observations:
        if it.reason is not None:
            what = f"{it.target.kind} {it.target.name} ({it.target.address})"
            line = f"{what}: {it.reason}: {it.detail}"
            console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _links(config: AgentConfig, values: Values, readings: dict[str, CounterReading]) -> Table:
    table = _table("links", "link", "network", "state", ">capacity", ">port", ">received", ">sent")
    kinds = {network.name: network.kind for network in config.networks}
    for link in config.links[:MAX_ROWS]:
        reading = readings.get(link.name)
        speed_bps = reading.port_speed_bps if reading else None
        capacity_bps = link.bandwidth_bps
        if capacity_bps is None and kinds[link.network] == "local":
            capacity_bps = speed_bps
        state = {1: "up", 0: "down"}.get(int(values.get((link_metrics.UP.name, (link.name,)), -1)))
        table.add_row(
            link.name,
            link.network,
            state or UNKNOWN,
            _scaled(capacity_bps, "bit/s"),
            _scaled(speed_bps, "bit/s"),
            _scaled(reading.receive_bytes if reading else None, "B"),
            _scaled(reading.transmit_bytes if reading else None, "B"),
        )
    if len(config.links) > MAX_ROWS:
        table.caption = f"and {len(config.links) - MAX_ROWS} more: /metrics has them all"
    return table


def _servers(config: AgentConfig, values: Values) -> Table:
    table = _table("servers", "server", "data centre", ">cores", ">CPU", ">memory", ">memory used")
    for server in config.servers[:MAX_ROWS]:

        def value(name: str, server: str = server.name) -> float | None:
            return values.get((f"netfold_server_{name}", (server,)))

        cores = value("cores")
        table.add_row(
            server.name,
            server.data_centre or UNKNOWN,
            UNKNOWN if cores is None else f"{cores:g}",
            _percent(value("cpu_ratio")),
            _scaled(value("memory_bytes"), "B"),
            _percent(value("memory_used_ratio")),
        )
    return table


def _probes(observations: Iterable[Observation], values: Values) -> Table:
    table = _table(
        "probes", "probe", "kind", "address", "network", "answer", ">round trip", ">loss"
    )
    for it in observations:
        collector = find(it.target.kind)
        if collector is None or not collector.probe or table.row_count >= MAX_ROWS:
            continue
        rtt_s = values.get(("netfold_probe_rtt_seconds", (it.target.name, "mean")))
        table.add_row(
            it.target.name,
            it.target.kind,
            it.target.address,
            it.target.network or UNKNOWN,
            "yes" if it.reason is None else str(it.reason),
            UNKNOWN if rtt_s is None else f"{rtt_s * 1e3:.3g} ms",
            _percent(values.get(("netfold_probe_loss_ratio", (it.target.name,)))),
        )
    return table


def _table(title: str, *columns: str) -> Table:
    """A table; a column written with `>` stands to the right."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        table.add_column(column.removeprefix(">"), justify=justify)
    return table


def _percent(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.1%}"


def _scaled(value: float | None, unit: str) -> str:
    """A number with a decimal prefix, as line contracts have them: 100 Mbit/s."""
    if value is None:
        return UNKNOWN
    for prefix in ("", "k", "M", "G", "T"):
        if abs(value) < THOUSAND:
            return f"{value:.4g} {prefix}{unit}"
        value /= THOUSAND
    return f"{value:.4g} P{unit}"
