"""What the agent knew no rate of, and how busy servers were, by its history and a Prometheus."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.history import History
from agent.judge.bounds import Floats
from agent.recorder import Recorder
from collectors import server
from collectors.base import CounterReading, GaugeReading, Measurement, Metric, Moment, Sample
from config.load import load
from tests.agentproc import netfold, write
from tests.peers import KEEP_OLD, Prometheus, backfill, prometheus
from tests.test_shares_agree import (
    AGREEMENT,
    DAY_S,
    END,
    END_S,
    LAST_S,
    TIMES_S,
    Line,
    department,
    readings,
    recorded,
    scraped,
)

AT = END.strftime("%Y-%m-%dT%H:%M")
Rows = Mapping[str, Mapping[str, Any]]


def assessed(path: Path, *source: str) -> Rows:
    done = netfold("assess", "-c", path, *source, "--at", AT, "--json", timeout_s=200)
    assert (done.returncode, done.stderr) == (0, "")
    return {it["subject"]: it for it in json.loads(done.stdout)}


def by_both(path: Path, samples: Iterable[str], folder: Path) -> tuple[Rows, Rows]:
    backfill(samples, folder / "prometheus")
    with prometheus({}, folder / "prometheus", *KEEP_OLD) as peer:
        return assessed(path), by_prometheus(path, peer)


def by_prometheus(path: Path, peer: Prometheus) -> Rows:
    return assessed(path, "--prometheus", peer.url)


@pytest.mark.timeout(300)
def test_a_silent_line_of_32_bits_on_a_10g_port_is_unknown_to_both(tmp_path: Path) -> None:
    """Beside one of 64 bits, and one of 32 on a port that cannot let them wrap in a minute."""
    random = np.random.default_rng(8)
    silent = list(readings(Line("wide", np.zeros(len(TIMES_S)), np.zeros(len(TIMES_S))), random))
    kinds = {"wide": (64, 1e10), "narrow": (32, 1e10), "slow": (32, 1e8)}
    read = {
        name: [
            it._replace(
                subject=name,
                identity=f"r1/{name}",
                counter_bits=bits,
                receive_bytes=7,
                transmit_bytes=7,
                port_speed_bps=speed_bps,
            )
            for it in silent
        ]
        for name, (bits, speed_bps) in kinds.items()
    }
    config = department(tmp_path, read)
    samples = scraped(recorded(read, config), config, random)
    own, other = by_both(tmp_path / "netfold.yaml", samples, tmp_path)
    expected = {"wide": "idle", "narrow": "unknown", "slow": "idle"}
    for rows in (own, other):
        assert {it: rows[it]["status"] for it in kinds} == expected
        assert rows["narrow"]["evidence"]["seen_ratio"] == 0


POLL_S = 30
WINDOW_S = 14 * DAY_S
GB = 2**30


def used(random: np.random.Generator, count: int) -> Iterator[tuple[str, Floats, Floats, float]]:
    """Servers by name: their CPU, their memory, and what they receive in bit/s."""
    noise = random.lognormal(0, 0.3, count)
    of_the_day = np.arange(count) * POLL_S % DAY_S
    flat = np.full(count, 0.2)
    yield "still", np.full(count, 0.01), flat, 2e3
    yield "talks", np.full(count, 0.01), flat, 3e6
    yield "backs-up", np.where(of_the_day < 3600, 0.45, 0.02) * noise, flat, 2e3
    yield "works", np.where(of_the_day < 9 * 3600, 0.3, 0.02) * noise, flat + 0.3, 5e6


def servers(path: Path, names: Iterable[str]) -> Path:
    (path.parent / "c.key").write_text("public")
    (path.parent / "c.key").chmod(0o600)
    until = {"reason": "old", "approver": "n", "until": "2099-01-01"}
    device = {"address": "198.51.100.1", "credential": "old", "waiver": until}
    config = {
        "node": {"name": "test"},
        "data_dir": str(path.parent),
        "credentials": [{"name": "old", "version": "2c", "community": {"file": "c.key"}}],
        "devices": [{"name": it, **device} for it in names],
        "servers": [{"name": it, "device": it} for it in names],
    }
    write(path, config)
    return path


def measured(name: str, at_s: float, levels: Mapping[str, float], octets: int) -> list[Measurement]:
    at = Moment(at_s, at_s)
    its = ("server", name, name, at)
    return [
        *(GaugeReading(*its, measure, value) for measure, value in levels.items()),  # type: ignore[arg-type]  # measures, as they are named below
        CounterReading(*its, octets, 0, 64, at_s, None),
        *(Sample(SHOWN[measure], value, (name,)) for measure, value in levels.items()),
        Sample(server.RECEIVE, octets, (name,)),
        Sample(server.TRANSMIT, 0, (name,)),
    ]


SHOWN: Mapping[str, Metric] = {
    "cpu": server.CPU,
    "memory": server.MEMORY_USED,
    "cores": server.CORES,
    "memory_bytes": server.MEMORY,
}


@pytest.mark.timeout(300)
def test_servers_have_the_verdicts_and_shares_of_the_agents_own_history(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    begin_s = END_S - WINDOW_S - 600
    times_s = np.arange(begin_s, LAST_S, POLL_S) + random.uniform(0, 0.5)
    its = list(used(random, len(times_s)))
    path = servers(tmp_path / "netfold.yaml", [name for name, *_ in its])
    history, lines = History(tmp_path / "history.sqlite"), []
    for name, cpu, memory, bps in its:
        recorder = Recorder()
        for n, at_s in enumerate(times_s.tolist()):
            levels = {"cpu": float(cpu[n]), "memory": float(memory[n])}
            levels |= {"cores": 4, "memory_bytes": 8 * GB}
            found = measured(name, at_s, levels, int(n * POLL_S * bps / 8))
            recorder.take(found)
            if n % 2880 == 0:  # what waits for longer than a day is let go of
                history.write(*recorder.drain())
            scrape_s = at_s + 0.9 + 0.01 * (n % 7)
            lines += [
                f'{it.metric.name}{{server="{name}"}} {it.value} {scrape_s:.3f}\n'
                for it in found
                if isinstance(it, Sample)
            ]
        history.write(*recorder.drain())
    history.close()
    assert load(path).servers
    own, other = by_both(path, lines, tmp_path)
    statuses = {it: row["status"] for it, row in own.items()}
    assert len(set(statuses.values())) >= 3, statuses
    assert {it: row["status"] for it, row in other.items()} == statuses
    assert shares(own).keys() == shares(other).keys()
    apart = {it: shares(other)[it] - share for it, share in shares(own).items()}
    assert {it: by for it, by in apart.items() if abs(by) > AGREEMENT} == {}
    assert other["still"]["evidence"]["cpu"]["seen_ratio"] > 0.998


def shares(rows: Rows) -> dict[tuple[str, str, int], float]:
    return {
        (name, rule["rule"], bound): rule["share"][bound]
        for name, row in rows.items()
        for rule in row["rules"]
        for bound in (0, 1)
    }
