"""What /metrics says of progress: each metric, with its labels and its unit."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agent import facts
from agent.judge.counted import Amount, Counted
from agent.judge.progress import progress
from agent.progress_metrics import samples
from collectors.base import Sample
from config.agent import AgentConfig, Node
from config.inventory import Link, Network
from config.milestones import Milestone

TODAY = date(2027, 6, 1)
PLANNED = {"connected": TODAY - timedelta(3), "cut_over": TODAY - timedelta(1)}
DONE = (("surveyed", TODAY - timedelta(99)), ("retired", TODAY - timedelta(9)))
JOINED = (("surveyed", TODAY - timedelta(99)), ("interconnected", TODAY - timedelta(9)))

Values = dict[tuple[str, ...], float]


def values(found: list[Sample]) -> Values:
    by_name = {(it.metric.name, *it.labels): it.value for it in found}
    assert len(by_name) == len(found)
    return by_name


def one(name: str, **more: object) -> Counted:
    given = {"amount": Amount(1, 2, 80e6, 1000.0, 1, 1), "decided": True, "declared": "planned"}
    given |= {"phase": "planned", "observed": "surveyed", "region": "440304", "level": "county"}
    return Counted(name, **(given | more))  # type: ignore[arg-type]  # as each test wants it


def said() -> Values:
    networks = [
        one("a", declared="retired", phase="retired", observed="retired", timeline=DONE),
        one("b", declared="interconnected", phase="interconnected", timeline=JOINED),
        one("c", low=Amount(1, 2, 80e6, 1000.0, 1, 1), plan=PLANNED, department="市教育局"),
        one("d", amount=Amount(1, 3, 160e6, 2000.0, 1, 1), observed=None, level="city"),
        one("e", exempt=True, declared="exempt", plan=PLANNED, level=None),
    ]
    half = Milestone(name="half", by=TODAY, share=0.5)
    found = progress(networks, ["440306"], [half], TODAY)
    return values(list(samples(found, networks)))


def of(metric: str, found: Values) -> dict[tuple[str, ...], float]:
    return {key[1:]: it for key, it in found.items() if key[0] == f"netfold_progress_{metric}"}


def test_networks_and_lines_are_in_one_phase_a_source() -> None:
    found = said()
    networks = {key: it for key, it in of("networks", found).items() if it}
    assert networks == {
        ("retired", "declared"): 1,
        ("interconnected", "declared"): 1,
        ("planned", "declared"): 2,
        ("exempt", "declared"): 1,
        ("retired", "observed"): 1,
        ("surveyed", "observed"): 3,
        ("none", "observed"): 1,
    }
    lines = of("lines", found)
    assert lines.keys() == of("networks", found).keys()
    assert (lines["planned", "declared"], lines["none", "observed"]) == (5, 3)


def test_departments_and_levels_have_each_state() -> None:
    found = said()
    levels = {key: it for key, it in of("level_networks", found).items() if it}
    assert levels == {
        ("county", "migrated"): 1,
        ("county", "interconnected"): 1,
        ("county", "waiting"): 1,
        ("city", "waiting"): 1,
        ("", "exempt"): 1,
    }
    departments = of("department_networks", found)
    assert departments["市教育局", "waiting"] == 1
    assert departments["市教育局", "migrated"] == 0
    assert departments["", "exempt"] == 1


def test_shares_are_of_what_is_to_be_consolidated_and_amounts_in_base_units() -> None:
    found = said()
    assert of("consolidated_ratio", found) == {
        ("networks", "migrated"): 1 / 4,
        ("networks", "interconnected"): 1 / 4,
        ("lines", "migrated"): 2 / 9,
        ("lines", "interconnected"): 2 / 9,
        ("bandwidth", "migrated"): 1 / 5,
        ("bandwidth", "interconnected"): 1 / 5,
        ("cost", "migrated"): 1 / 5,
        ("cost", "interconnected"): 1 / 5,
    }
    assert (of("saved_yuan", found), of("reclaimable_yuan", found)) == ({(): 1000}, {(): 1000})
    assert of("saved_bytes_per_second", found) == {(): 10e6}
    assert of("reclaimable_bytes_per_second", found) == {(): 10e6}
    assert of("regions", found) == {("county", "named"): 2, ("county", "covered"): 1}


def test_days_are_over_at_midnight_in_shanghai_and_what_is_exempt_has_none() -> None:
    found = said()
    midnight_s = datetime(2027, 6, 1, 16, tzinfo=UTC).timestamp()
    assert {key[1:]: it for key, it in found.items() if "_due_" in key[0]} == {
        ("c", "connected"): midnight_s - 3 * 86_400,
        ("c", "cut_over"): midnight_s - 86_400,
        ("half",): midnight_s,
    }
    assert of("overdue_networks", found) == {(): 1}  # of two phases, one network
    assert of("milestone_goal_ratio", found) == {("half",): 0.5}
    assert of("milestone_reached_ratio", found) == {("half",): 0.5}
    assert of("milestone_met", found) == {("half",): 1}
    forecasts = of("forecast_timestamp_seconds", found)
    assert forecasts["likely",] == midnight_s + 90 * 86_400  # two in 90 days, and two remain
    assert forecasts["earliest",] < forecasts["likely",] < forecasts["latest",]


def test_the_register_says_how_complete_it_is_and_which_uplinks_fail_together() -> None:
    links = tuple(
        Link.model_validate(
            {"name": it, "network": "x", "interface": {"local": it}, "carrier": carrier}
        )
        for it, carrier in (("a", "电信"), ("b", "移动"))
    )
    network = Network(name="x", kind="extranet", title="外网", uplinks=("a", "b"))
    config = AgentConfig(node=Node(name="n"), networks=(network,), links=links)
    found = values(facts.samples(config, TODAY))
    assert found["netfold_network_uplinks_shared", "x", "device"] == 1
    assert found["netfold_network_uplinks_shared", "x", "carrier"] == 0
    # Title, the lines, and of each of them its carrier; of 3 and twice 6 fields.
    ratio = found["netfold_network_register_complete_ratio", "x"]
    assert ratio == pytest.approx(4 / 15)
