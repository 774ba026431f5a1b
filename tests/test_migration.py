"""A department's networks walk through their migration on recorded days, declared and observed."""

import csv
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.assessment import assess
from agent.cli.phase import found_for
from agent.declared import Declaration, applied
from agent.history import Capacity, History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.journal import journal_in, opened, read
from agent.judge.calendar import SHANGHAI
from agent.judge.rates import Run, Tick
from agent.migration import Migration, cut_over_on, double_running_days, migrations
from agent.phase_metrics import samples
from config.agent import AgentConfig
from config.load import load
from config.register import Phase
from tests.agentproc import netfold, running, write
from tests.testbed import eventually

DAY = 288
DAY_ONE = date(2027, 1, 1)
FIRST = int(datetime.combine(DAY_ONE, time(), SHANGHAI).timestamp()) // 300
LAST_DAY = 110
CONNECTED, CUT_OVER = 40, 55
"""From these days on the successor answers, and the old line is quiet; each network is later."""


def day(number: int) -> date:
    return DAY_ONE + timedelta(days=number)


def end_of(number: int) -> int:
    """The first tick of the day after: the day was seen whole."""
    return FIRST + (number + 1) * DAY


class Department:
    """Networks n00, n01, …, each a day later than the one before, with a line and a gateway."""

    def __init__(self, folder: Path, count: int, **more: Any) -> None:
        self.path = folder / "netfold.yaml"
        self.count = count
        self.data = folder / "data"
        plan = {"plan": {"cut_over": "2027-03-01"}, "owner": "市教育局", "destination": "extranet"}
        names = [f"n{it:02}" for it in range(count)]
        networks = [
            {"name": it, "kind": "dedicated", "annual_cost_yuan": 36500, **plan, **more}
            | {"successor": {"probes": [f"gw-{it}"]}}
            for it in names
        ]
        links = [
            {"name": f"l-{it}", "network": it, "interface": {"local": f"eth-{it}"}}
            | {"bandwidth": "100M", "contract_end": day(CUT_OVER + 40 + n).isoformat()}
            for n, it in enumerate(names)
        ]
        probes = [{"name": f"gw-{it}", "kind": "icmp", "address": "198.51.100.1"} for it in names]
        given = {"networks": networks, "links": links, "probes": probes}
        write(self.path, {"node": {"name": "test"}, "data_dir": "data", **given})
        self.data.mkdir(parents=True)

    @property
    def config(self) -> AgentConfig:
        return load(self.path)

    def fill(
        self,
        rates: Sequence[float],
        relapse: int | None = None,
        hidden: Sequence[int] = (),
        run: tuple[float, float] | None = None,
    ) -> None:
        """Write what was measured: the old lines carry `rates` day after day until their cutover.

        On day `relapse` they carry them again for half an hour at noon; of the days `hidden` the
        first two hours were not seen, but that `run` bits crossed in them.
        """
        records = {}
        for n in range(self.count):
            line, up = [], []
            for tick in range((LAST_DAY + 1) * DAY):
                number, of_day = divmod(tick, DAY)
                loud = number < CUT_OVER + n or (number == relapse and 144 <= of_day < 150)
                rate = rates[tick % len(rates)] if loud else 900.0
                if number not in hidden or of_day >= 24:
                    line.append(Tick(FIRST + tick, (rate, rate / 3)))
                if number >= CONNECTED + n:
                    up.append(Tick(FIRST + tick, (1.0,)))
            runs = [Run(FIRST + it * DAY, FIRST + it * DAY + 23, run) for it in hidden if run]
            key = SeriesKey("link", f"l-n{n:02}", "local/eth", "octets")
            records[key] = Record(line, {it.first: it for it in runs})
            key = SeriesKey("probe", f"gw-n{n:02}", "icmp/198.51.100.1", "up")
            records[key] = Record(up)
        history = History(self.data / "history.sqlite")
        steps = [Capacity("link", f"l-n{n:02}", 0.0, 1e8) for n in range(self.count)]
        history.write(records, steps)
        history.close()

    def ports(self, number: int, *down: int) -> None:
        """What a poll at the end of a day says of the ports."""
        history = History(self.data / "history.sqlite")
        up = {f"l-n{it:02}": it not in down for it in range(self.count)}
        history.note_ports(up, end_of(number) * 300.0)
        history.close()

    def at(
        self, end_tick: int, timelines: dict[str, list[Declaration]] | None = None
    ) -> dict[str, Migration]:
        """Where they all stand when all before a tick is known."""
        timelines = timelines or {}
        today = datetime.fromtimestamp(end_tick * 300, SHANGHAI).date()
        with HistoryReader(self.data / "history.sqlite") as reader:
            config = applied(self.config, timelines)
            verdicts = list(assess(config, reader, end_tick, today))
            found = migrations(config, timelines, reader, end_tick, verdicts, today=today)
            return {it.network: it for it in found}


def recorded(shared: Path) -> list[float]:
    """Five-minute rates of a real line, below 100M."""
    with (shared / "series" / "abilene_links_derived.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (first, *_) = dict.fromkeys(it["id"] for it in rows)
    rates = [float(it["value"]) for it in rows if it["id"] == first and it["value"]]
    return [it / max(rates) * 9e7 for it in rates]


def made_up() -> list[float]:
    """Busy by day, next to nothing by night."""
    return [4e7 if 96 <= tick < 216 else 5e4 for tick in range(DAY)]


@pytest.fixture(params=[made_up, recorded], ids=["made-up", "recorded"])
def rates(request: pytest.FixtureRequest) -> list[float]:
    make: Callable[..., list[float]] = request.param
    return make() if make is made_up else make(request.getfixturevalue("shared"))


def test_twelve_networks_walk_through_all_phases_each_on_its_day(
    rates: list[float], tmp_path: Path
) -> None:
    """Judged at the end of each day; a step is declared a day after it is proven."""
    department = Department(tmp_path, 12)
    department.fill(rates)
    timelines: dict[str, list[Declaration]] = {}
    began: dict[str, dict[str | None, int]] = {f"n{it:02}": {} for it in range(12)}
    for number in (35, *range(45, 72), *range(84, 108)):
        department.ports(number, *(it for it in range(12) if number >= CUT_OVER + 31 + it))
        for name, it in department.at(end_of(number), timelines).items():
            observed = it.standing.observed
            began[name].setdefault(observed, number)
            assert not it.standing.returned
            assert not it.standing.unproven
            if observed is not None and it.standing.declared != observed:
                timelines.setdefault(name, []).append(Declaration(observed, day(number + 1)))
    for n, steps in enumerate(began.values()):
        assert steps == {
            "planned": 35,
            "connected": CONNECTED + n + 6,  # the seventh green day is over
            "dual_running": CONNECTED + n + 7,
            "cut_over": CUT_OVER + n,
            "observing": CUT_OVER + n + 2,
            "retired": CUT_OVER + n + 40,  # the contract is over; 30 quiet days are since day 29
        }, n
    for timeline in timelines.values():
        timeline.append(Declaration("funding_cut", day(LAST_DAY)))
    last = department.at(end_of(LAST_DAY), timelines)
    assert {it.standing.observed for it in last.values()} == {"funding_cut"}
    # Connected from day 47 to the cutover on day 56, as declared: nine days at 100 yuan.
    assert last["n00"].double_cost_yuan == pytest.approx(900)


def observing(since: int) -> dict[str, list[Declaration]]:
    return {
        "n00": [Declaration("dual_running", day(48)), Declaration("observing", day(since))],
    }


def test_a_relapse_is_reverted_on_the_next_assessment_and_counts_anew(tmp_path: Path) -> None:
    department = Department(tmp_path, 1)
    back = CUT_OVER + 10
    department.fill(made_up(), relapse=back)
    declared = observing(CUT_OVER + 3)
    noon = FIRST + back * DAY + 144

    def at(tick: int) -> Migration:
        return department.at(tick, declared)["n00"]

    assert at(noon).standing.observed == "observing"
    assert at(noon + 2).standing.observed == "observing"  # 2 ticks are less than 1 % of a day
    relapsed = at(noon + 3)
    assert (relapsed.standing.observed, relapsed.standing.returned) == ("reverted", True)
    assert relapsed.standing.mismatch
    assert at(end_of(back)).standing.observed == "reverted"
    assert at(end_of(back + 1)).standing.observed == "cut_over"
    assert at(end_of(back + 3)).standing.observed == "observing"
    (held,) = (it for it in at(end_of(back + 29)).standing.gates if it.name == "floor_held")
    assert (held.holds, held.value) == (False, "29 days")
    (held,) = (it for it in at(end_of(back + 30)).standing.gates if it.name == "floor_held")
    assert held.holds


@pytest.mark.parametrize(
    ("run", "observed"),
    [
        pytest.param((2e6, 1e6), "observing", id="an-unbroken-counter-says-that-nothing-crossed"),
        pytest.param((2e9, 1e6), "cut_over", id="or-that-something-may-have"),
        pytest.param(None, "cut_over", id="or-nothing"),
    ],
)
def test_hours_that_were_not_seen_prove_neither_a_floor_nor_a_return(
    run: tuple[float, float] | None, observed: str, tmp_path: Path
) -> None:
    department = Department(tmp_path, 1)
    department.fill(made_up(), hidden=[CUT_OVER + 4], run=run)
    standing = department.at(end_of(CUT_OVER + 4), observing(CUT_OVER + 3))["n00"].standing
    assert (standing.observed, standing.returned) == (observed, False)
    assert not standing.unproven


@pytest.mark.parametrize(
    ("answered", "green"),
    [
        pytest.param((1.0, 1.0), True, id="both-answer"),
        pytest.param((1.0, 0.5), False, id="one-of-two-does-not"),
        pytest.param((1.0, None), None, id="one-of-two-is-not-seen"),
    ],
)
def test_a_successor_of_both_families_is_green_when_both_answer(
    tmp_path: Path, answered: tuple[float | None, ...], green: bool | None
) -> None:
    department = Department(tmp_path, 1)
    given = json.loads(department.path.read_text())
    given["probes"][0] |= {"address": "gw.example", "family": "both"}
    write(department.path, given)
    ticks = range(FIRST, end_of(20))
    history = History(department.data / "history.sqlite")
    for family, share in zip(("ipv4", "ipv6"), answered, strict=True):
        key = SeriesKey("probe", f"gw-n00-{family}", "icmp/gw.example", "up")
        history.write({key: Record([Tick(it, (share,)) for it in ticks])} if share else {})
    history.close()
    gates = {it.name: it.holds for it in department.at(end_of(20))["n00"].standing.gates}
    assert gates["successor_green"] is green


def test_without_anything_seen_only_what_is_declared_is_known(tmp_path: Path) -> None:
    department = Department(tmp_path, 1)
    History(department.data / "history.sqlite").close()
    one = department.at(end_of(60), observing(58))["n00"]
    assert (one.standing.observed, one.standing.unproven, one.standing.mismatch) == (
        "surveyed",
        None,
        None,
    )
    known = {it.name for it in one.standing.gates if it.holds is not None}
    assert known == {
        *("facts_declared", "destination_declared", "dates_declared", "database_moved"),
        *("budget_cut", "contracts_ended", "line_kept", "use_decided", "busy_periods_seen"),
        "line_fell",  # a cutover was declared
    }


def test_what_is_not_known_is_absent_on_metrics(tmp_path: Path) -> None:
    department = Department(tmp_path, 1)
    department.fill(made_up(), relapse=CUT_OVER + 10)

    def said(number: int, declared: dict[str, list[Declaration]]) -> dict[tuple[str, ...], float]:
        found = samples(department.at(end_of(number), declared).values())
        return {(it.metric.name, *it.labels): it.value for it in found}

    undeclared = said(CUT_OVER + 5, {})
    gate, phase = "netfold_network_phase_gate", "netfold_network_phase"
    assert undeclared[phase, "n00", "observing", "observed"] == 1
    assert undeclared[phase, "n00", "cut_over", "observed"] == 0
    assert undeclared[gate, "n00", "floor_settled"] == 1
    assert undeclared[gate, "n00", "floor_held"] == 0
    assert (gate, "n00", "ports_down") not in undeclared
    assert {it[0] for it in undeclared} == {phase, gate}
    relapsed = said(CUT_OVER + 10, observing(CUT_OVER + 3))
    assert relapsed["netfold_network_returning_traffic", "n00"] == 1
    assert relapsed["netfold_network_residual_traffic", "n00"] == 0
    assert relapsed["netfold_network_phase_mismatch", "n00"] == 1
    assert relapsed["netfold_network_phase_unproven", "n00"] == 1
    # Declared to run double from day 48 to day 58, at 100 yuan a day.
    cost = relapsed["netfold_network_double_running_cost_yuan", "n00"]
    assert cost == pytest.approx(1000)


def test_the_running_agent_says_where_a_network_stands(tmp_path: Path) -> None:
    """The port of loopback is up, and known to be once it was polled."""
    networks = [{"name": "edu", "kind": "dedicated", "phase": "observing", "owner": "市教育局"}]
    link = {"name": "a", "network": "edu", "interface": {"local": "lo"}, "bandwidth": "100M"}
    with running(tmp_path, {"networks": networks, "links": [link]}) as agent:
        gate = ("netfold_network_phase_gate", "edu")
        eventually(lambda: agent.value(*gate, "ports_down") == 0, deadline_s=30)
        values = agent.values()
        assert values["netfold_network_phase", "edu", "observing", "declared"] == 1
        assert values["netfold_network_phase", "edu", "observing", "observed"] == 0
        assert values[*gate, "facts_declared"] == 0
        assert (*gate, "line_at_floor") not in values
        assert values["netfold_network_phase_unproven", "edu"] == 1  # no destination is declared
    shown = netfold("phase", "show", "edu", "-c", tmp_path / "netfold.yaml").stdout
    assert "ports_down: does not hold (none up; seen a up)" in shown


def test_double_running_costs_from_its_first_day_to_the_cutover_and_again_after_a_relapse() -> None:
    steps: tuple[tuple[Phase, int], ...] = (
        *(("planned", 1), ("connected", 10), ("dual_running", 12), ("cut_over", 20)),
        *(("reverted", 30), ("cut_over", 32)),
    )
    timeline = [Declaration(phase, day(number)) for phase, number in steps]
    assert double_running_days(timeline[:1], day(50)) == 0
    assert double_running_days(timeline[:2], day(10)) == 1
    assert double_running_days(timeline[:3], day(19)) == 10
    assert double_running_days(timeline, day(50)) == 12
    assert double_running_days(timeline[:2], day(5)) == 0  # the clock was set back
    assert double_running_days([*timeline[:2], Declaration("planned", day(5))], day(50)) == 0
    assert [cut_over_on(timeline[:n]) for n in (3, 4, 5)] == [None, day(20), day(20)]
    assert cut_over_on([*timeline, Declaration("dual_running", day(40))]) is None


def test_a_phase_is_declared_where_its_gates_hold_or_with_a_reason(tmp_path: Path) -> None:
    department = Department(tmp_path, 1, basic_database="true")
    config = department.path
    assert netfold("phase", "declare", "n00", "surveyed", "-c", config).returncode == 0
    refused = netfold("phase", "declare", "n00", "cut_over", "-c", config)
    assert refused.returncode == 1
    assert "database_moved: does not hold" in refused.stderr
    assert "line_at_floor: not known" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = netfold("phase", "declare", "n00", "cut_over", "--override", "纸质单已签", "-c", config)
    assert (done.returncode, done.stdout) == (0, "n00 is declared cut_over, overriding its gates\n")
    entries = read(journal_in(department.data)).entries
    assert [(it.kind, it.subject) for it in entries] == [
        ("policy", "policy"),
        ("phase", "n00"),
        ("override", "n00"),
        ("phase", "n00"),
    ]
    assert entries[2].what["reason"] == "纸质单已签"
    assert {it["gate"]: it["holds"] for it in entries[2].what["gates"]} == {
        "database_moved": False,
        "successor_up": None,
        "line_at_floor": None,
    }
    assert entries[3].what == {"phase": "cut_over", "override": 3}
    (one,) = json.loads(netfold("phase", "show", "--json", "-c", config).stdout)
    assert one["journal"] == f"sha256:{entries[-1].digest}"
    assert (one["declared"], one["observed"], one["unproven"]) == ("cut_over", "surveyed", True)
    text = netfold("phase", "show", "n00", "-c", config).stdout
    assert "database_moved: does not hold" in text
    assert "cut_over" in netfold("phase", "show", "-c", config).stdout
    for wrong in (("n01", "planned"), ("n00", "gone")):
        answer = netfold("phase", "declare", *wrong, "-c", config)
        assert (answer.returncode, "Traceback" in answer.stderr) == (2, False)


def test_nobody_leaves_the_denominators_without_an_exemption_or_a_reason(tmp_path: Path) -> None:
    for folder in (tmp_path / "plain", tmp_path / "granted"):
        folder.mkdir()
    plain = Department(tmp_path / "plain", 1).path
    refused = netfold("phase", "declare", "n00", "exempt", "-c", plain)
    wanted = "exemption_in_force: does not hold (exempt: a reason, who approved it, and until when"
    assert (refused.returncode, wanted in refused.stderr) == (1, True)
    exempt = {"reason": "灾备", "approver": "网络中心", "until": "2099-12-31"}
    granted = Department(tmp_path / "granted", 1, exempt=exempt).path
    assert netfold("phase", "declare", "n00", "exempt", "-c", granted).returncode == 0


def test_nothing_is_declared_in_a_damaged_journal(tmp_path: Path) -> None:
    department = Department(tmp_path, 1)
    with opened(department.data) as journal:
        journal.append("phase", "n00", {"phase": "surveyed"}, "wang", 1.8e9)
    path = journal_in(department.data)
    path.write_bytes(path.read_bytes()[:-2])
    answer = netfold("phase", "declare", "n00", "surveyed", "-c", department.path)
    assert (answer.returncode, "is cut off" in answer.stderr) == (1, True)
    assert answer.stderr.count("\n") == 3  # the journal, the history that is not there, the end
    shown = netfold("phase", "show", "-c", department.path)
    said = "line 1 is cut off: it was being written when the machine stopped; what it declares"
    assert (shown.returncode, said in shown.stderr) == (0, True)


def test_explain_tells_the_phase_of_a_network_after_its_verdict(tmp_path: Path) -> None:
    department = Department(tmp_path, 1)
    department.fill(made_up())
    at = datetime.fromtimestamp(end_of(CUT_OVER + 5) * 300 + 180).astimezone().isoformat()
    answer = netfold("explain", "n00", "-c", department.path, "--at", at)
    assert "network n00: normal" in answer.stdout
    assert "phase of n00: declared none, observed observing" in answer.stdout
    assert "floor_held: does not hold (30 days; seen 6 days)" in answer.stdout
    found = found_for(department.config, datetime.fromisoformat(at).timestamp())
    assert [it.standing.observed for it in found] == ["observing"]
