"""Thirty days of counters, judged by the agent and by a real Prometheus's recording rules.

The source is synthetic: rates of every ten seconds, read by the agent's own parts about once a
minute and scraped a second or so later. Nothing here knows how shares are worked out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.assessment import assess
from agent.facts import samples as facts
from agent.history import History
from agent.history_reader import HistoryReader
from agent.judge.bounds import Floats, Traffic
from agent.judge.rates import TICK_S
from agent.recorder import LINK_CAPACITY, LINK_RATES_DROPPED, Recorder
from collectors.base import CounterReading, Moment, Sample
from config.agent import AgentConfig
from config.load import load
from config.policy import Measure
from dashboards.rules import SHARE, recording_rules
from tests.agentproc import write
from tests.peers import KEEP_OLD, backfill, backfill_rules, prometheus

AGREEMENT = 0.002
"""Of the window's time; two in a thousand of 30 days are 17 ticks."""

DAY_S = 86_400
WINDOW_TICKS = 8640
END = datetime(2026, 11, 9, 16, tzinfo=UTC)  # midnight in Shanghai, after a Monday
END_S = int(END.timestamp())
START_S = END_S - 30 * DAY_S - 7200  # the rules' window ends, and so begins, a little earlier
LAST_S = END_S + 300  # a tick is written when every poll of it is in
STEP_S = 10
TIMES_S = np.arange(START_S, LAST_S + STEP_S, STEP_S, dtype=float)
SHANGHAI_S = 8 * 3600

POLL_S = 60
JITTER_S = 1.0
LOST_POLLS = 1 / 2000
CAPACITY_BPS = 100e6

Share = tuple[str, str, str]
"""Link, rule and bound."""

Shown = tuple[float, list[Sample]]
"""When a line was read, and what /metrics says of it from then on."""


@dataclass(frozen=True, slots=True)
class Line:
    """What crossed a line in every ten seconds, bit/s; nobody could read it during `unread`.

    `boots` are when its device started again, its counters from nothing.
    """

    name: str
    receive: Floats
    transmit: Floats
    unread: tuple[tuple[float, float], ...] = ()
    boots: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Shares:
    """Both answers for the same counters, and the windows that the agent's rest on."""

    agent: dict[Share, float]
    rules: dict[Share, float]
    windows: dict[str, Traffic]

    def apart(self, *bounds: str) -> dict[Share, float]:
        """How much more the rules say, for all but the line whose run only the agent knows."""
        return {
            it: self.rules[it] - said
            for it, said in self.agent.items()
            if it[2] in bounds and it[0] != "away"
        }


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> Shares:
    folder = tmp_path_factory.mktemp("thirty-days")
    random = np.random.default_rng(3)
    read = {line.name: list(readings(line, random)) for line in lines(random)}
    config = department(folder, read)
    shown = recorded(read, config)
    backfill(scraped(shown, config, random), folder / "prometheus")
    windows, agent = judged(config)
    return Shares(agent, by_rules(folder / "prometheus"), windows)


def test_the_rules_give_the_shares_that_the_agent_judges_by(shares: Shares) -> None:
    apart = shares.apart("lower", "upper")
    assert shares.agent.keys() == shares.rules.keys()
    assert len(apart) == 2 * 6 * 5
    assert {it: by for it, by in apart.items() if abs(by) > AGREEMENT} == {}


def test_of_a_gap_that_an_unbroken_counter_spans_only_the_agent_knows_how_little_it_was(
    shares: Shares,
) -> None:
    """What crossed while the agent was away stands in its run; to the rules it may be anything."""
    away = {it: said for it, said in shares.agent.items() if it[0] == "away"}
    more = {it: shares.rules[it] - said for it, said in away.items()}
    assert max(abs(by) for it, by in more.items() if it[2] == "lower") <= AGREEMENT
    upper = {it: by for it, by in more.items() if it[2] == "upper"}
    assert min(upper.values()) >= -AGREEMENT
    assert max(upper.values()) > 3 * AGREEMENT


@pytest.mark.parametrize(
    ("link", "rule", "measure", "threshold"),
    [
        ("keep-alive", "idle: rate >= 16000 at most 0.01", "rate", 16_000),
        ("office", "low_use: load >= 0.10 at most 0.05", "load", 0.1),
        ("lost", "busy: load >= 0.70 more than 0.05", "load", 0.7),
    ],
)
def test_a_threshold_that_is_wrong_by_two_in_a_hundred_would_not_agree(
    shares: Shares, link: str, rule: str, measure: Measure, threshold: float
) -> None:
    window, recorded_share = shares.windows[link], shares.rules[link, rule, "lower"]
    assert window.time_above(measure, threshold).lower == shares.agent[link, rule, "lower"]
    wrong = window.time_above(measure, 1.02 * threshold).lower
    assert abs(wrong - recorded_share) > AGREEMENT


def test_the_lines_have_shares_of_every_size_and_gaps(shares: Shares) -> None:
    lower = [said for it, said in shares.agent.items() if it[2] == "lower"]
    assert sum(0.01 < said < 0.99 for said in lower) >= 8
    unseen = {it: np.isnan(window.rate).sum() for it, window in shares.windows.items()}
    assert unseen["lost"] > 3 * 288
    assert 3 <= unseen["office"] < 10
    assert unseen["silent"] == 0


def lines(random: np.random.Generator) -> list[Line]:
    """Lines whose ticks are near the policy's thresholds, and the ways of not seeing them."""
    clock_s = (TIMES_S + SHANGHAI_S) % DAY_S
    weekday = (TIMES_S + SHANGHAI_S) // DAY_S % 7  # 0 is a Thursday, as the epoch's first day was
    is_open = (clock_s > 8.5 * 3600) & (clock_s < 18 * 3600) & (weekday != 2) & (weekday != 3)
    office = np.where(is_open, np.sin((clock_s / 3600 - 8.5) / 9.5 * np.pi), 0.02)
    silence = np.zeros(len(TIMES_S))
    alive = 15_500 * noise(random, 0.15)
    backup = np.where((clock_s >= 2 * 3600) & (clock_s < 2 * 3600 + 1200), 60e6, 0)
    for start in random.integers(0, len(TIMES_S), 14):
        backup[start : start + random.integers(3, 120)] = random.uniform(30e6, 99e6)
    restarts = (END_S - 21.4 * DAY_S, END_S - 3.7 * DAY_S)
    lost = (END_S - 14.2 * DAY_S, END_S - 11.2 * DAY_S)
    away = (END_S - 9.3 * DAY_S, END_S - 9 * DAY_S)
    return [
        Line("silent", silence, silence),
        Line("keep-alive", alive, 0.8 * alive),
        Line(
            "office",
            15e6 * office * noise(random, 0.1),
            11e6 * office * noise(random, 0.1),
            unread=tuple((boot_s - 400, boot_s + 90) for boot_s in restarts),
            boots=restarts,
        ),
        Line("nightly", backup, silence),
        Line(
            "lost",
            69e6 * noise(random, 0.03),
            30e6 * noise(random, 0.2),
            unread=(lost,),
            boots=(lost[1] - 50,),
        ),
        Line(
            "away",
            2e6 * office * noise(random, 0.1),
            1.95e6 * office * noise(random, 0.1),
            unread=(away,),
        ),
    ]


def noise(random: np.random.Generator, level: float) -> Floats:
    """About 1, changing every ten minutes and, as much again, every ten seconds."""
    slow = np.repeat(random.lognormal(0, level, len(TIMES_S) // 60 + 1), 60)[: len(TIMES_S)]
    found: Floats = slow * random.lognormal(0, level, len(TIMES_S))
    return found


def readings(line: Line, random: np.random.Generator) -> Iterator[CounterReading]:
    """Both counters every minute, give or take; now and then a poll is lost."""
    times_s = np.arange(START_S + random.uniform(0, POLL_S), LAST_S - JITTER_S, POLL_S)
    times_s += random.uniform(0, JITTER_S, len(times_s))
    is_read = random.uniform(size=len(times_s)) > LOST_POLLS
    for start_s, end_s in line.unread:
        is_read &= (times_s < start_s) | (times_s > end_s)
    times_s = times_s[is_read]
    boots_s = np.array([START_S - 1e6, *line.boots])
    booted_s = boots_s[np.searchsorted(boots_s, times_s) - 1]
    columns = (counted(rate, times_s, booted_s) for rate in (line.receive, line.transmit))
    for at_s, boot_s, receive, transmit in zip(
        times_s.tolist(), booted_s.tolist(), *columns, strict=True
    ):
        yield CounterReading(
            kind="link",
            subject=line.name,
            identity=f"r1/{line.name}",
            at=Moment(at_s, at_s - START_S),
            receive_bytes=receive,
            transmit_bytes=transmit,
            counter_bits=64,
            uptime_s=at_s - boot_s,
            port_speed_bps=1e9,
        )


def counted(rate: Floats, times_s: Floats, booted_s: Floats) -> list[int]:
    """Bytes counted since the boot, which for the first one is long ago."""
    total = np.concatenate(([0], np.cumsum(rate[:-1]))) * STEP_S / 8
    since = np.interp(times_s, TIMES_S, total) - np.interp(booted_s, TIMES_S, total)
    before = np.where(booted_s < START_S, 2**40, 0)
    return [int(octets) for octets in (since + before).tolist()]


def department(folder: Path, names: Iterable[str]) -> AgentConfig:
    path = folder / "netfold.yaml"
    network = {"name": "edu", "kind": "dedicated"}
    links = [
        {"name": name, "network": "edu", "bandwidth": "100M", "interface": {"local": f"eth{n}"}}
        for n, name in enumerate(names)
    ]
    facts = {"node": {"name": "test"}, "data_dir": str(folder)}
    write(path, {**facts, "networks": [network], "links": links})
    return load(path)


def recorded(
    read: Mapping[str, list[CounterReading]], config: AgentConfig
) -> dict[str, list[Shown]]:
    """Take all readings into the history, a day at a time; what /metrics said of each line."""
    recorder = Recorder()
    recorder.contract({link.name: link.bandwidth_bps for link in config.links}, (), START_S)
    shown: dict[str, list[Shown]] = {name: [] for name in read}
    history = History(config.data_dir / "history.sqlite")
    for day_s in range(START_S, LAST_S, DAY_S):
        for name, its in read.items():
            today = [it for it in its if day_s <= it.at.wall_s < day_s + DAY_S]
            shown[name] += [(it.at.wall_s, recorder.take([it])) for it in today]
        history.write(*recorder.drain())
    history.close()
    return shown


def scraped(
    shown: Mapping[str, list[Shown]], config: AgentConfig, random: np.random.Generator
) -> Iterator[str]:
    """What Prometheus finds every minute, a second or so after the poll; a lost one it sees twice.

    What has not been read for three intervals is not on /metrics; the capacities always are.
    """
    capacities = {it.labels: it for it in facts(config, END.date()) if it.metric is LINK_CAPACITY}
    for link, its in shown.items():
        read_s = [at_s for at_s, _ in its]
        scrapes_s = np.arange(read_s[0] + JITTER_S, LAST_S, POLL_S)
        scrapes_s += random.uniform(0, JITTER_S, len(scrapes_s))
        latest = np.searchsorted(read_s, scrapes_s) - 1
        for at_s, index in zip(scrapes_s.tolist(), latest.tolist(), strict=True):
            is_fresh = at_s - read_s[index] < 3 * POLL_S
            for it in (capacities[(link,)], *(its[index][1] if is_fresh else ())):
                if it.metric is not LINK_RATES_DROPPED:
                    yield f'{it.metric.name}{{link="{link}"}} {it.value} {at_s:.3f}\n'


def judged(config: AgentConfig) -> tuple[dict[str, Traffic], dict[Share, float]]:
    end_tick = int(END_S // TICK_S)
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        names = [link.name for link in config.links]
        windows = dict(reader.traffic(names, end_tick - WINDOW_TICKS, WINDOW_TICKS))
        verdicts = [it for it in assess(config, reader, end_tick, END.date()) if it.kind == "link"]
    return windows, {
        (one.subject, str(outcome), bound): share
        for one in verdicts
        for outcome in one.judgement.outcomes
        for bound, share in zip(("lower", "upper"), outcome.share, strict=True)
    }


def by_rules(folder: Path) -> dict[Share, float]:
    """Record the very groups that Prometheus is given to load, and ask for the shares."""
    *counts, last = recording_rules()["groups"]
    for group in counts:
        backfill_rules(group, folder, START_S, END_S)
    backfill_rules(last, folder, END_S - TICK_S, END_S)
    with prometheus({}, folder, *KEEP_OLD) as server:
        found = server.query(SHARE, END_S)
    return {
        (it["metric"]["link"], it["metric"]["rule"], it["metric"]["bound"]): float(it["value"][1])
        for it in found
    }
