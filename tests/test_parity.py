"""The gates of parity by the history: the days before a cutover, and what was not seen of them."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from agent.assessment import assess
from agent.declared import Declaration
from agent.history import History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.judge.calendar import SHANGHAI
from agent.judge.gates import Gate
from agent.judge.rates import Tick
from agent.migration import declared_only, migrations
from config.load import load
from tests.agentproc import netfold, write

DAY = 288
TODAY = date(2027, 3, 20)
CUT_OVER = TODAY - timedelta(days=5)


def begins(day: date) -> int:
    return int(datetime.combine(day, time(), SHANGHAI).timestamp()) // 300


class Paths:
    """A network with one pair of probes, of which the history has `days` days until `last`."""

    def __init__(self, folder: Path, interval: str = "60s") -> None:
        self.path, self.data = folder / "netfold.yaml", folder / "data"
        self.data.mkdir(parents=True)
        shape = {"kind": "tcp", "port": 443, "interval": interval}
        probes = [
            {"name": name, "address": f"198.51.100.{n}", **shape}
            for n, name in enumerate(("old", "new"), 1)
        ]
        networks = [{"name": "edu", "kind": "dedicated"}, {"name": "tax", "kind": "dedicated"}]
        pair = {"name": "portal", "network": "edu", "old": "old", "new": "new"}
        given = {"networks": networks, "probes": probes, "pairs": [pair]}
        write(self.path, {"node": {"name": "test"}, "data_dir": "data", **given})

    def fill(
        self,
        days: float,
        slower_s: tuple[float, ...],
        lossier: float = 0.0,
        last: date = TODAY,
        hidden: int = 0,
    ) -> None:
        """Write levels of the days before `last`, but for the first `hidden` ticks of them."""
        end = begins(last)
        ticks = range(end - int(days * DAY) + hidden, end)
        values = {"rtt_difference": slower_s, "loss_difference": (lossier,)}
        history = History(self.data / "history.sqlite")
        for measure, its in values.items():
            key = SeriesKey("pair", "portal", "tcp/198.51.100.1/198.51.100.2", measure)
            history.write({key: Record([Tick(it, (its[it % len(its)],)) for it in ticks])}, [])
        history.close()

    def gates(self, cut_over: date | None = None, network: str = "edu") -> dict[str, Gate]:
        config, end = load(self.path), begins(TODAY)
        timelines = {"edu": [Declaration("cut_over", cut_over)]} if cut_over else {}
        with HistoryReader(self.data / "history.sqlite") as reader:
            verdicts = list(assess(config, reader, end, TODAY))
            found = migrations(config, timelines, reader, end, verdicts, today=TODAY)
            (one,) = (it for it in found if it.network == network)
        asked = one.standing.asked("cut_over")
        return {it.name: it for it in asked if it.name in {"no_slower", "no_lossier"}}


def holds(gates: dict[str, Gate]) -> tuple[bool | None, bool | None]:
    return gates["no_slower"].holds, gates["no_lossier"].holds


@pytest.mark.parametrize(
    ("days", "slower_s", "lossier", "expected"),
    [
        pytest.param(7, (0.001, 0.002, -0.003), 0.0, (True, True), id="no-worse"),
        pytest.param(7, (0.001, 0.009, 0.001), 0.0, (True, True), id="slow-at-times"),
        pytest.param(7, (0.006, 0.009, 0.001), 0.0, (False, True), id="slow-mostly"),
        pytest.param(7, (0.0,), 0.02, (True, False), id="lossier"),
        pytest.param(7, (0.0,), -0.02, (True, True), id="the-old-path-loses-more"),
        pytest.param(4, (0.001,), 0.0, (True, None), id="four-days-of-seven"),
        pytest.param(3, (0.001,), 0.0, (None, None), id="three-days-of-seven"),
        pytest.param(3, (0.02,), 0.9, (None, None), id="three-bad-days-of-seven"),
    ],
)
def test_parity_before_any_cutover(
    days: float,
    slower_s: tuple[float, ...],
    lossier: float,
    expected: tuple[bool | None, bool | None],
    tmp_path: Path,
) -> None:
    paths = Paths(tmp_path)
    paths.fill(days, slower_s, lossier)
    assert holds(paths.gates()) == expected


def test_minutes_that_were_not_seen_decide_nothing_but_hours_do(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.fill(7, (0.001,), hidden=20)
    assert holds(paths.gates()) == (True, True)
    paths = Paths(tmp_path / "more")
    paths.fill(7, (0.001,), hidden=21)
    assert holds(paths.gates()) == (True, None)
    assert "(-1.04% to 1.04%)" in (paths.gates()["no_lossier"].value or "")


def test_after_a_cutover_the_days_before_it_count(tmp_path: Path) -> None:
    """The old path was given up on the day itself, and nothing is known since."""
    paths = Paths(tmp_path)
    paths.fill(7, (0.001,), last=CUT_OVER)
    assert holds(paths.gates()) == (None, None)
    assert holds(paths.gates(CUT_OVER)) == (True, True)


def test_a_round_an_hour_is_one_round_and_not_twelve(tmp_path: Path) -> None:
    paths = Paths(tmp_path, interval="1h")
    paths.fill(7, (0.0,) * (DAY * 13 // 24) + (0.008,) * (DAY * 11 // 24))
    # 168 rounds, 77 of them slow: not fewer than the 71st from the end; of 2,016 they would be.
    assert paths.gates()["no_slower"].holds is None
    assert "(0 ms to 8 ms)" in (paths.gates()["no_slower"].value or "")


def test_another_networks_pairs_are_not_asked(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.fill(7, (0.5,))
    assert paths.gates(network="tax") == {}


def test_without_a_history_nothing_is_known_of_a_pair(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    (one, _) = declared_only(load(paths.path), {}, TODAY)
    gates = {it.name: it for it in one.standing.asked("cut_over")}
    assert holds(gates) == (None, None)
    shown = netfold("phase", "show", "edu", "-c", paths.path)
    assert "no_slower: not known (at most 5 ms slower)" in shown.stdout
    assert "Traceback" not in shown.stderr
