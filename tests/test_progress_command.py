"""Progress as the command, /metrics and the pages have it, of a department's real history."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agent import facts, phase_json, verdict_metrics
from agent.clock import now
from agent.declared import Declaration
from agent.history import History
from agent.journal import opened
from agent.judge.counted import NOTHING, Amount, Counted
from agent.judge.progress import progress
from agent.judge.status import Status
from agent.judge.tenure import Tenure
from agent.judge.verdict import Judgement
from agent.migration import annual_cost_yuan, declared_only
from agent.progress import counted, progress_of
from agent.progress_json import said_of
from agent.progress_metrics import samples
from agent.progress_tables import grids
from agent.verdict import Verdict
from agent.web.phases import phase_rows
from agent.web.words import WORDS
from collectors.base import Sample
from config.agent import AgentConfig, Node
from config.inventory import Link, Network
from config.load import load
from config.problems import ConfigError
from tests.agentproc import netfold, running, write
from tests.bench.progress import LIMIT_S, cost_s
from tests.test_assessor import department, judged

DAY_S = 86_400


def moving(folder: Path) -> dict[str, Any]:
    """Two lines with thirty days of history, and what is declared of four networks."""
    config = department(folder)
    edu, tax = config["networks"]
    edu |= {"owner": "市教育局", "region": "440304"}
    tax |= {"owner": "市税务局", "region": "440303", "plan": {"connected": "2020-01-01"}}
    paid = {"kind": "dedicated", "owner": "市税务局", "region": "440305"}
    done = {"name": "done", **paid, "annual_cost_yuan": 50_000}
    left = {"name": "left", **paid, "level": "central"}
    left["exempt"] = {"reason": "保密", "approver": "网络中心", "until": "2099-12-31"}
    config["networks"] += [done, left]
    config["regions"] = ["440306"]
    config["milestones"] = [
        {"name": "third", "title": "三分之一完成", "by": "2020-06-30", "share": "33%"},
        {"name": "all", "by": "2020-06-30", "share": "100%"},
    ]
    with opened(folder / "data") as journal:
        at_s = now().wall_s
        for phase, days in (("surveyed", 60), ("funding_cut", 9)):
            journal.append("phase", "done", {"phase": phase}, "me", at_s - days * DAY_S)
    return config


def test_the_command_the_metrics_and_the_pages_say_the_same(tmp_path: Path) -> None:
    config = moving(tmp_path)
    with running(tmp_path, config) as agent:
        values = judged(agent)
        english = agent.get("/progress?lang=en").body.decode()
        chinese = agent.get("/networks?lang=zh").body.decode()
        landing = agent.get("/?lang=zh").body.decode()
    path = tmp_path / "config.yaml"
    write(path, config | {"node": {"name": "test"}, "data_dir": str(tmp_path / "data")})
    said = json.loads(netfold("progress", "-c", str(path), "--json").stdout)
    total = said["total"]
    assert total["to_consolidate"]["networks"] == 3
    assert total["migrated"] == {"networks": 1, "lines": 0, "bps": None, "yuan": 50_000}
    assert total["reclaimable"]["yuan"] == 1_680_000
    assert (total["exempt"]["networks"], total["undecided"]) == (1, 0)
    assert [(it["department"], it["all"]["networks"]) for it in said["by_department"]] == [
        *(("市教育局", 1), ("市税务局", 3)),
    ]
    assert [it["level"] for it in said["by_level"]] == ["central", "county"]
    assert said["coverage"][0]["not_covered"] == ["440303", "440304", "440306"]
    assert [(it["network"], it["phase"]) for it in said["overdue"]] == [("tax", "connected")]
    assert [(it["met"], it["overdue"]) for it in said["milestones"]] == [
        (True, False),
        (False, True),
    ]
    assert said["forecast"]["completed"] == 1
    assert values["netfold_progress_reclaimable_yuan",] == 1_680_000
    assert values["netfold_progress_saved_yuan",] == 50_000
    assert ("netfold_progress_saved_bytes_per_second",) not in values
    assert values["netfold_progress_department_networks", "市税务局", "migrated"] == 1
    assert values["netfold_progress_regions", "county", "covered"] == 1
    assert values["netfold_progress_milestone_met", "third"] == 1
    assert values["netfold_progress_milestone_met", "all"] == 0
    assert values["netfold_network_due_timestamp_seconds", "tax", "connected"] == 1_577_894_400
    assert '<th scope="row">市教育局</th>' in english
    assert "1,680,000" in english
    assert "<script" not in english + chinese
    assert '接入对接 <span class="verdict idle">2020-01-01</span> 逾期' in chinese
    assert 'href="/progress?lang=zh"' in landing
    assert 'href="/networks?lang=zh"' in landing


def test_tables_are_in_the_language_and_by_the_group_asked_for(tmp_path: Path) -> None:
    config = moving(tmp_path)
    path = tmp_path / "config.yaml"
    write(path, config | {"node": {"name": "test"}, "data_dir": str(tmp_path / "data")})
    chinese = netfold("progress", "-c", str(path), "--lang", "zh", "--by", "region").stdout
    assert "按行政区划（含下辖）" in chinese
    assert "440304" in chinese
    assert "三分之一完成" in chinese
    assert "国办发〔2017〕39号" in chinese
    english = netfold("progress", "-c", str(path)).stdout
    assert "By department" in english
    assert "Nothing is late by them." in english


def test_coverage_is_no_consolidation_and_what_lacks_stands_below() -> None:
    poor = Counted("a", Amount(1, 1), region="440304", phase="connected", declared="connected")
    said = said_of(progress([poor], (), (), date(2027, 6, 1)))
    found = {}
    for language, words in WORDS.items():
        every = {it.title: it for it in grids(said, words)}
        coverage, rates = every[words["coverage"]], every[words["rates"]]
        found[language] = (coverage.columns[3], coverage.rows[0][3], rates.notes[-2:])
    lacks = (
        "Networks without a declared cost: 1.",
        "Networks without all bandwidths declared: 1.",
    )
    assert found["en"] == (">Share", "100.0%", lacks)
    assert found["zh"] == (">覆盖率", "100.0%", ("1个专网未登记费用。", "1个专网带宽登记不全。"))


def test_without_a_history_nothing_is_called_reclaimable(tmp_path: Path) -> None:
    config = moving(tmp_path)
    (tmp_path / "data" / "history.sqlite").unlink()
    path = tmp_path / "config.yaml"
    write(path, config | {"node": {"name": "test"}, "data_dir": str(tmp_path / "data")})
    done = netfold("progress", "-c", str(path), "--json")
    assert "what is measured is not known" in done.stderr
    assert json.loads(done.stdout)["total"]["reclaimable"] is None


def test_without_a_network_that_moves_there_is_nothing_on_metrics(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write(path, {"node": {"name": "test"}})
    config = load(path)
    found = progress_of(config, [], facts.day(0))
    assert found.total.all == NOTHING
    assert list(samples(found, [])) == []
    assert said_of(found)["forecast"]["why"] == "no_networks"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"share": "150%"}, "share"),
        ({"phase": "exempt"}, "phase"),
        ({"by": "2027-6-1"}, "by: not a date: '2027-6-1'"),
        ({"until": "2027-06-01"}, "until"),
    ],
)
def test_a_bad_milestone_is_told_with_its_place(
    tmp_path: Path, given: dict[str, str], problem: str
) -> None:
    path = tmp_path / "config.yaml"
    milestone = {"name": "half", "by": "2027-06-30", "share": "50%", **given}
    write(path, {"node": {"name": "test"}, "milestones": [milestone]})
    with pytest.raises(ConfigError, match=rf"milestones\[half\]\.{problem}"):
        load(path)


def test_every_word_that_a_table_may_need_is_there_in_both_languages() -> None:
    for words in WORDS.values():
        for why in ("no_networks", "all_done", "began_today", "no_completions"):
            assert words[f"why_{why}"]


def test_two_thousand_links_in_two_hundred_departments_take_less_than_two_seconds() -> None:
    """Of CPU: phases by what is declared, counting, JSON and samples; it takes half a second."""
    assert cost_s(2_000, 200) < LIMIT_S


def test_a_line_that_is_exempt_is_not_reclaimable_with_its_network() -> None:
    """Nor by the network's own cost: what is exempt is to stay."""
    network = Network.model_validate(
        {"name": "edu", "kind": "dedicated", "annual_cost_yuan": "9000"}
    )
    links = tuple(
        Link.model_validate(
            {
                "name": name,
                "network": "edu",
                "interface": {"local": name},
                "bandwidth": "10M",
                "annual_cost_yuan": "3000",
            }
        )
        for name in ("a", "b")
    )
    config = AgentConfig(node=Node(name="test"), networks=(network,), links=links)
    bare = Judgement(Status.IDLE, ())
    for status, reclaimable in (
        (Status.IDLE, Amount(1, 2, 20e6, 9000, 1, 1)),
        (Status.EXEMPT, Amount(0, 1, 10e6, 3000, 1, 1)),
    ):
        verdicts = [
            Verdict("link", "a", Status.IDLE, bare),
            Verdict("link", "b", status, bare),
            Verdict("network", "edu", Status.IDLE, bare, members=("a", "b")),
        ]
        (found,) = counted(config, {}, declared_only(config, {}, date(2027, 6, 1)), verdicts)
        assert found.low == reclaimable
        of_network = [it.value for it in reclaimed(config, verdicts)]
        assert of_network == [reclaimable.yuan]


def reclaimed(config: AgentConfig, verdicts: list[Verdict]) -> list[Sample]:
    tenures = {
        (it.kind, it.subject): Tenure(Status.IDLE, 0.0, 0.0, confirmed=False) for it in verdicts
    }
    every = verdict_metrics.samples(config, verdicts, tenures, 0.0)
    return [it for it in every if it.metric is verdict_metrics.RECLAIMABLE]


def test_double_running_costs_a_365th_of_a_year_each_day() -> None:
    fields = {"name": "edu", "kind": "dedicated", "annual_cost_yuan": "36500"}
    config = AgentConfig(node=Node(name="test"), networks=(Network.model_validate(fields),))
    timelines = {"edu": [Declaration("connected", date(2027, 5, 30))]}
    (one,) = declared_only(config, timelines, date(2027, 6, 1))
    assert one.double_cost_yuan == pytest.approx(300)


def test_a_network_costs_what_it_declares_or_all_of_its_lines_do() -> None:
    network = Network(name="edu", kind="dedicated")
    paid, gift, unknown = (
        Link.model_validate({"name": "a", "network": "edu", "interface": {"local": "a"}} | it)
        for it in ({"annual_cost_yuan": "3000"}, {"annual_cost_yuan": "0"}, {})
    )
    assert annual_cost_yuan(network, [paid, gift]) == 3000
    assert annual_cost_yuan(network, [paid, unknown]) is None
    assert annual_cost_yuan(network, []) is None
    assert annual_cost_yuan(network.model_copy(update={"annual_cost_yuan": 9}), [paid]) == 9


def test_contracts_end_with_the_last_one_and_what_a_network_names_goes_before_the_node() -> None:
    network = Network(name="edu", kind="dedicated", owner="市教育局", region="440304")
    node = Node(name="test", department="网络中心", region="440300")
    ends: tuple[str | None, ...]
    for ends, expected in (
        (("2027-01-31", "2027-12-31"), date(2027, 12, 31)),
        (("2027-01-31", None), None),
    ):
        links = tuple(
            Link.model_validate(
                {
                    "name": f"l{n}",
                    "network": "edu",
                    "interface": {"local": f"l{n}"},
                    "contract_end": end,
                }
            )
            for n, end in enumerate(ends)
        )
        config = AgentConfig(node=node, networks=(network,), links=links)
        (one,) = declared_only(config, {}, date(2027, 6, 1))
        assert one.evidence.contracts_end == expected
        (found,) = counted(config, {}, [one], ())
        assert (found.department, found.region, found.level) == ("市教育局", "440304", "county")
    bare = config.model_copy(update={"networks": (Network(name="edu", kind="dedicated"),)})
    (found,) = counted(bare, {}, [one], ())
    assert (found.department, found.region, found.level) == ("网络中心", "440300", "city")


def test_the_page_of_networks_says_of_an_exempt_one_that_nothing_is_due() -> None:
    plan = {"connected": "2020-01-01"}
    network = Network.model_validate({"name": "edu", "kind": "dedicated", "plan": plan})
    until = {"reason": "保密", "approver": "网络中心", "until": "2099-12-31"}
    for exempt, due in ((None, "2020-01-01"), (until, "")):
        its = Network.model_validate(network.model_dump() | {"exempt": exempt})
        config = AgentConfig(node=Node(name="test"), networks=(its,))
        (one,) = declared_only(config, {}, date(2027, 6, 1))
        (row,) = phase_rows(config, [phase_json.said_of(one)], "2027-06-01")
        assert (row.due, row.is_late) == (due, bool(due))


@pytest.mark.parametrize(
    "words",
    [("progress",), ("phase", "show"), ("register", "check"), ("assess",), ("journal", "show")],
    ids=" ".join,
)
def test_brackets_and_colons_of_names_are_shown_as_they_are(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """To rich they would be commands: a closing one ends in a traceback, others are swallowed."""
    name = "[/x]:bell:"
    network = {"name": name, "kind": "dedicated", "owner": name, "phase": "planned"}
    links = [
        {"name": f"{name}{nic}", "network": name, "carrier": name, "interface": {"local": nic}}
        for nic in ("none1", "none2")
    ]
    network["uplinks"] = [it["name"] for it in links]
    path = tmp_path / "config.yaml"
    write(
        path,
        {
            "node": {"name": "test"},
            "data_dir": str(tmp_path / "data"),
            "networks": [network],
            "links": links,
        },
    )
    History(tmp_path / "data" / "history.sqlite").close()
    netfold("phase", "declare", name, "reverted", "-c", str(path))
    done = netfold(*words, "-c", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert name in done.stdout
