"""Which lines move when: by real windows' shapes in memory, by a real history, and as a command."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import opened
from agent.judge.bounds import Traffic
from agent.judge.rates import Tick
from agent.parties import PlanError
from agent.plan_json import said_of
from agent.plan_words import PLAN_WORDS
from agent.planning import planned
from config.agent import AgentConfig, Node
from config.inventory import Exemption, Link, Network
from config.policy import load_policy
from tests.agentproc import netfold, write
from tests.bench import plan_optimum
from tests.plan_cases import FIRST, TICK_S, TICKS, TODAY, Case, case, line, policy
from tests.plan_check import check
from tests.test_prometheus_source import holding, scrapes, serving

CASES = 200
Said = dict[str, Any]


def test_every_constraint_holds_in_two_hundred_random_cases() -> None:
    moved = unfit = 0
    for seed in range(CASES):
        one = case(seed)
        said = _of(one)
        check(one, said)
        moved += len(said["waves"])
        unfit += len(said["does_not_fit"])
    assert min(moved, unfit) > CASES


def test_the_check_finds_a_plan_that_is_wrong() -> None:
    """By a case in which something moves and something does not fit."""
    tried = (
        (it, said_of(planned(it.config, it, FIRST + TICKS, TODAY))) for it in map(case, range(9))
    )
    one, said = next(it for it in tried if it[1]["waves"] and it[1]["does_not_fit"])
    check(one, said)
    (moved, *_), (unfit, *_) = said["waves"], said["does_not_fit"]
    for wrong in (
        said | {"waves": said["waves"][1:]},
        said | {"waves": [*said["waves"], unfit | {"wave": 1, "place": 9, "uplinks": []}]},
        said | {"waves": [moved | {"wave": 2}, *said["waves"][1:]]},
        said | {"cutovers": 0},
    ):
        with pytest.raises(AssertionError):
            check(one, wrong)


def test_the_plan_is_near_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_optimum, "CASES", 12)
    found = plan_optimum.found(dated=False)
    assert np.mean([it.total for it in found]) > 0.9
    assert all(0 <= it.first_wave <= 1 and 0 <= it.total <= 1 for it in found)


def made(networks: list[Network], links: list[Link], steady: dict[str, float], **plan: Any) -> Said:
    """The plan of lines that carry so many Mbit/s all the time; one not named is never seen."""
    extranet = Network(
        name="extranet",
        kind="extranet",
        uplinks=tuple(it.name for it in links if it.network == "extranet"),
    )
    config = AgentConfig(
        node=Node(name="n"),
        networks=(*networks, extranet),
        links=tuple(links),
        policy=policy(**plan),
    )
    seen = {}
    for it in links:
        rate = np.full(TICKS, steady.get(it.name, np.nan) * 1e6)
        capacity = np.full(TICKS, np.nan if it.bandwidth_bps is None else it.bandwidth_bps)
        seen[it.name] = Traffic(FIRST, rate, rate, capacity)
    return said_of(planned(config, Case(config, {}, seen), FIRST + TICKS, TODAY))


def dedicated(name: str, **facts: Any) -> Network:
    return Network(name=name, kind="dedicated", **({"destination": "extranet"} | facts))


def lines_of(said: Said, key: str = "waves") -> list[list[str]]:
    return [it["lines"] for it in said[key]]


def why(said: Said) -> dict[str, tuple[str, str]]:
    return {name: (it["why"], it["what"]) for it in said["left_out"] for name in it["lines"]}


def test_the_order_is_notice_days_then_yuan_per_mbit_then_names() -> None:
    soon, later = TODAY + timedelta(9), TODAY + timedelta(90)
    said = made(
        [dedicated("n")],
        [
            line("u", "extranet", bandwidth_bps=1e9),
            line("poor", "n", annual_cost_yuan=1000),
            line("rich", "n", annual_cost_yuan=9000),
            line("b", "n"),
            line("a", "n"),
            line("silent", "n", annual_cost_yuan=1),
            line("later", "n", contract_end=later),
            line("notice", "n", contract_end=later, notice_by=soon),
            line("passed", "n", contract_end=later, notice_by=TODAY - timedelta(1)),
            line("today", "n", contract_end=TODAY),
        ],
        {"u": 1, "poor": 2, "rich": 2, "b": 2, "a": 2, "silent": 0}
        | {"later": 1, "notice": 1, "passed": 1, "today": 1},
        cutovers=4,
    )
    assert lines_of(said) == [
        *(["today"], ["notice"], ["later"], ["silent"]),
        *(["rich"], ["poor"], ["a"], ["b"], ["passed"]),
    ]
    assert [it["wave"] for it in said["waves"]] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert said["waves"][1]["notice_by"] == soon.isoformat()
    assert [it["order"] for it in said["waves"]] == [
        *["notice"] * 3,
        *["saving"] * 3,
        *["name"] * 3,
    ]
    assert said["waves"][4]["yuan_per_mbps"] == 4500


def test_groups_and_networks_that_depend_on_each_other_move_together() -> None:
    said = made(
        [dedicated("a", moves_with=("b",)), dedicated("b", moves_with=("a",)), dedicated("c")],
        [
            line("u", "extranet"),
            *(line(it, it[0]) for it in ("a1", "a2", "b1")),
            line("c1", "c", group="g"),
            line("c2", "c", group="g", role="backup"),
        ],
        {"u": 1, "a1": 1, "a2": 1, "b1": 1, "c1": 0, "c2": 0},
        cutovers=3,
    )
    assert lines_of(said) == [["a1", "a2", "b1"], ["c1", "c2"]]
    assert [(it["wave"], it["cutovers"]) for it in said["waves"]] == [(1, 3), (2, 1)]
    smaller = made(
        [dedicated("a")],
        [line("u", "extranet"), line("a1", "a"), line("a2", "a")],
        {"u": 1, "a1": 1, "a2": 1},
        cutovers=1,
    )
    assert [it["wave"] for it in smaller["waves"]] == [1, 2]


def test_what_takes_more_cutovers_than_a_wave_has_is_told() -> None:
    said = made(
        [dedicated("a", moves_with=("b",)), dedicated("b")],
        [line("u", "extranet"), line("a1", "a"), line("b1", "b")],
        {"u": 1, "a1": 1, "b1": 1},
        cutovers=1,
    )
    (one,) = said["does_not_fit"]
    assert (one["lines"], one["why"], one["obstacles"]) == (["a1", "b1"], "too_many_cutovers", [])


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"destination": None}, ("no_destination", ""), id="no-destination"),
        pytest.param({"destination": "intranet"}, ("no_uplinks", "intranet"), id="no-uplinks"),
        pytest.param({"outcome": "interconnect"}, ("interconnect", ""), id="interconnected"),
        pytest.param({"phase": "cut_over"}, ("done", "cut_over"), id="cut-over"),
        pytest.param({"phase": "exempt"}, ("exempt", ""), id="declared-exempt"),
        pytest.param(
            {"classified": True, "destination": "intranet"}, ("classified", ""), id="classified"
        ),
        pytest.param(
            {"exempt": Exemption(reason="r", approver="a", until=TODAY)},
            ("exempt", ""),
            id="exempt-until-today",
        ),
    ],
)
def test_lines_that_do_not_move_are_listed_with_why_and_so_are_their_partners(
    facts: dict[str, Any], reason: tuple[str, str]
) -> None:
    said = made(
        [dedicated("a", **facts), dedicated("b", moves_with=("a",)), dedicated("c")],
        [line("u", "extranet"), *(line(f"{it}1", it) for it in "abc")],
        {"u": 1, "a1": 1, "b1": 1, "c1": 1},
    )
    assert why(said)["a1"] == reason
    if reason[0] == "done":  # nothing is left of it to wait for
        assert lines_of(said) == [["b1"], ["c1"]]
    else:
        assert lines_of(said) == [["c1"]]
        assert why(said)["b1"] == ("partner_stays", "a")


def test_an_exempt_line_keeps_its_group_and_nothing_else() -> None:
    exempt = Exemption(reason="r", approver="a", until=TODAY)
    said = made(
        [dedicated("a"), dedicated("empty")],
        [
            line("u", "extranet"),
            line("a1", "a", group="g"),
            line("a2", "a", group="g", role="backup", exempt=exempt),
            line("a3", "a"),
        ],
        {"u": 1, "a1": 1, "a2": 1, "a3": 1},
    )
    assert lines_of(said) == [["a3"]]
    assert why(said) == dict.fromkeys(("a1", "a2"), ("exempt_line", "a2"))
    assert said["left_out"][-1] == {"network": "empty", "lines": [], "why": "no_lines", "what": ""}
    assert said["totals"]["lines"] == 3


def test_a_network_whose_every_line_is_exempt_keeps_its_partners_as_if_it_were_itself() -> None:
    exempt = Exemption(reason="r", approver="a", until=TODAY)
    networks = [dedicated("a", moves_with=("b",)), dedicated("b"), dedicated("none")]
    said = made(
        [*networks[:2], networks[2].model_copy(update={"moves_with": ("a",)})],
        [line("u", "extranet"), line("a1", "a"), line("b1", "b", exempt=exempt)],
        {"u": 1, "a1": 1, "b1": 1},
    )
    assert lines_of(said) == []
    assert why(said) == {"a1": ("partner_stays", "b"), "b1": ("exempt_line", "b1")}


def test_one_uplink_of_both_destinations_carries_what_moves_to_either() -> None:
    def both(each_mbps: float) -> Said:
        config = AgentConfig(
            node=Node(name="n"),
            networks=(
                *(dedicated("a", moves_with=("b",)), dedicated("b", destination="intranet")),
                Network(name="x", kind="extranet", uplinks=("u",)),
                Network(name="i", kind="intranet", uplinks=("u",)),
            ),
            links=(line("u", "x"), line("a1", "a"), line("b1", "b")),
            policy=policy(),
        )
        steady = {"u": 10e6, "a1": each_mbps * 1e6, "b1": each_mbps * 1e6}
        seen = {
            name: Traffic(FIRST, *np.full((2, TICKS), bps), np.full(TICKS, 1e8))
            for name, bps in steady.items()
        }
        return said_of(planned(config, Case(config, {}, seen), FIRST + TICKS, TODAY))

    fits, full = both(29), both(31)
    assert (lines_of(fits), lines_of(full)) == ([["a1", "b1"]], [])
    assert [it["room_after_bps"] for it in fits["uplinks"]] == [pytest.approx(2e6)] * 2
    (obstacle,) = full["does_not_fit"][0]["obstacles"]
    assert (obstacle["destination"], obstacle["uplink"]) == ("intranet", "u")


def test_a_line_that_may_carry_anything_is_left_out_with_what_depends_on_it() -> None:
    said = made(
        [dedicated("a", moves_with=("b",)), dedicated("b"), dedicated("c")],
        [
            line("u", "extranet"),
            line("a1", "a", bandwidth_bps=None),
            line("b1", "b"),
            line("c1", "c", bandwidth_bps=None),
        ],
        {"u": 1, "b1": 1, "c1": 1},
    )
    assert why(said) == {"a1": ("unbounded", "a1"), "b1": ("partner_unbounded", "a1")}
    assert lines_of(said) == [["c1"]]


def test_what_does_not_fit_names_the_smallest_upgrade_the_rule_and_its_bounds() -> None:
    said = made(
        [dedicated("n")],
        [
            line("u1", "extranet", bandwidth_bps=50e6),
            line("u2", "extranet", bandwidth_bps=100e6),
            line("big", "n", bandwidth_bps=200e6),
            line("unseen", "n", bandwidth_bps=50e6),
            line("huge", "n", bandwidth_bps=20e9),
        ],
        {"u1": 30, "u2": 30, "big": 100, "huge": 9000},
    )
    big, huge, unseen = sorted(said["does_not_fit"], key=lambda it: it["lines"])
    often, hard = ("load >= 0.70 at most 0.05", "load >= 0.90 at most 0.01")
    assert big["obstacles"] == [
        {"destination": "extranet", "uplink": "u2", "rule": often, "share": [1.0, 1.0]}
        | {"holds": False, "upgrade_bps": 200e6}
    ]
    (may,) = unseen["obstacles"]
    assert (may["share"], may["holds"], may["upgrade_bps"]) == ([0.0, 1.0], None, 200e6)
    assert (huge["obstacles"][0]["upgrade_bps"], huge["obstacles"][0]["uplink"]) == (None, "u2")
    assert hard in said["rules"]


def test_of_an_uplinks_group_all_traffic_counts_and_the_primaries_capacity() -> None:
    def ends(*sizes: float) -> list[Link]:
        return [
            line(f"u{n}", "extranet", group="g", bandwidth_bps=it) for n, it in enumerate(sizes)
        ] + [line("spare", "extranet", group="g", role="backup", bandwidth_bps=1e9)]

    moving = line("m", "n", bandwidth_bps=200e6)
    carried = {"u0": 30, "u1": 30, "spare": 30, "m": 60}
    alike = made([dedicated("n")], [*ends(100e6, 100e6), moving], carried)
    (end,) = alike["uplinks"]
    assert (end["uplink"], end["lines"]) == ("u0", ["u0", "u1", "spare"])
    assert (end["capacity_bps"], end["room_before_bps"]) == (200e6, pytest.approx(50e6))
    (obstacle,) = alike["does_not_fit"][0]["obstacles"]
    assert obstacle["upgrade_bps"] == 200e6  # of each of the two primaries
    differ = made([dedicated("n")], [*ends(50e6, 150e6), moving], carried)
    assert differ["does_not_fit"][0]["obstacles"][0]["upgrade_bps"] is None


def test_a_networks_own_cost_is_saved_when_all_its_unpriced_lines_go_at_once() -> None:
    said = made(
        [dedicated("a", annual_cost_yuan=5000), dedicated("b", annual_cost_yuan=5000)],
        [line("u", "extranet"), *(line(it, it[0]) for it in ("a1", "b1", "b2"))],
        {"u": 1, "a1": 1, "b1": 1, "b2": 1},
    )
    assert [(it["lines"], it["annual_saving_yuan"]) for it in said["waves"]] == [
        *((["a1"], 5000), (["b1"], None), (["b2"], None)),
    ]
    planned_ = said["totals"]["planned"]
    assert (planned_["annual_saving_yuan"], planned_["without_saving"]) == (5000, 2)


def test_a_saving_of_which_a_part_is_not_known_is_not_known() -> None:
    said = made(
        [dedicated("a"), dedicated("b", moves_with=("a",)), dedicated("c", annual_cost_yuan=900)],
        [
            line("u", "extranet"),
            line("a1", "a", annual_cost_yuan=100),
            *(line(it, "b", group="g", annual_cost_yuan=200) for it in ("b1", "b2")),
            line("b3", "b"),
            *(line("c1", "c", group="h", annual_cost_yuan=300), line("c2", "c", group="h")),
        ],
        {"u": 1, "a1": 1, "b1": 1, "b2": 1, "b3": 1, "c1": 1, "c2": 1},
    )
    assert [(it["lines"], it["annual_saving_yuan"], it["order"]) for it in said["waves"]] == [
        (["c1", "c2"], 900, "saving"),
        (["a1", "b1", "b2", "b3"], None, "name"),
    ]
    planned_ = said["totals"]["planned"]
    assert (planned_["annual_saving_yuan"], planned_["without_saving"]) == (900, 1)


def test_an_uplink_of_a_dedicated_network_does_not_move_onto_itself() -> None:
    links = [line("own", "n"), line("m", "n")]
    config = AgentConfig(
        node=Node(name="n"),
        networks=(dedicated("n"), Network(name="x", kind="extranet", uplinks=("own",))),
        links=tuple(links),
        policy=policy(),
    )
    quiet = {it.name: Traffic(FIRST, *np.zeros((2, TICKS)), np.full(TICKS, 1e8)) for it in links}
    said = said_of(planned(config, Case(config, {}, quiet), FIRST + TICKS, TODAY))
    assert (lines_of(said), why(said)) == ([["m"]], {"own": ("is_uplink", "own")})


DEPARTMENT: Said = {
    "node": {"name": "n"},
    "policy": "policy.yaml",
    "networks": [
        {"name": "edu", "kind": "dedicated", "destination": "extranet"},
        {"name": "tax", "kind": "dedicated", "destination": "extranet"},
        {"name": "gone", "kind": "dedicated", "destination": "extranet"},
        {"name": "extranet", "kind": "extranet", "uplinks": ["up"]},
    ],
    "links": [
        {"name": "up", "network": "extranet", "interface": {"local": "e0"}, "bandwidth": "100M"},
        {"name": "edu-a", "network": "edu", "interface": {"local": "e1"}, "bandwidth": "100M"}
        | {"annual_cost_yuan": "60000"},
        {"name": "tax-a", "network": "tax", "interface": {"local": "e2"}, "bandwidth": "100M"}
        | {"annual_cost_yuan": "90000"},
        {"name": "gone-a", "network": "gone", "interface": {"local": "e3"}, "bandwidth": "100M"},
    ],
}
RATES = {"up": 20e6, "edu-a": 30e6, "tax-a": 60e6, "gone-a": 1e6}


def department(folder: Path, *, history: bool = True, **changes: Any) -> Path:
    """A day of history, and a network that the journal says is cut over."""
    write(folder / "policy.yaml", {"links": {"window": "1d", "confirm_after": "1d"}})
    write(folder / "netfold.yaml", DEPARTMENT | {"data_dir": str(folder / "data")} | changes)
    if history:
        (folder / "data").mkdir()
        end = int(now().wall_s // TICK_S)
        kept = History(folder / "data" / "history.sqlite")
        records = {
            SeriesKey("link", name, "e", "octets"): Record(
                [Tick(it, (bps, bps / 2)) for it in range(end - 290, end)]
            )
            for name, bps in RATES.items()
        }
        kept.write(records, [Capacity("link", it.subject, 0.0, 1e8) for it in records])
        kept.close()
        with opened(folder / "data") as journal:
            journal.append("phase", "gone", {"phase": "cut_over"}, "me", now().wall_s - 86_400)
    return folder / "netfold.yaml"


def test_the_command_plans_by_the_history_and_the_journal(tmp_path: Path) -> None:
    path = department(tmp_path)
    done = netfold("plan", "-c", path, "--json")
    said = json.loads(done.stdout)
    assert (lines_of(said), lines_of(said, "does_not_fit")) == ([["edu-a"]], [["tax-a"]])
    assert why(said) == {"gone-a": ("done", "cut_over")}
    assert said["does_not_fit"][0]["obstacles"][0]["upgrade_bps"] == 200e6
    assert said["totals"]["planned"]["annual_saving_yuan"] == 60_000
    assert said["uplinks"][0]["room_after_bps"] == pytest.approx(20e6)
    assert said["window"]["ticks"] == 288
    at = said["window"]["to"]
    again = netfold("plan", "-c", path, "--at", at, "--json").stdout
    assert again == done.stdout


def test_a_server_that_scraped_the_agent_gives_the_same_plan(tmp_path: Path) -> None:
    """A stand-in answers: tests/test_sources_agree.py holds real servers to the history."""
    path = department(tmp_path, history=False)
    scraped = {name: scrapes(1450, each=int(bps * 60 / 8)) for name, bps in RATES.items()}
    args = ("plan", "-c", path, "--at", "2027-01-16T08:00", "--json")
    with serving(holding(scraped)) as url:
        done = netfold(*args, "--prometheus", url)
    said = json.loads(done.stdout)
    assert (lines_of(said), lines_of(said, "does_not_fit")) == (
        [["edu-a"], ["gone-a"]],
        [["tax-a"]],
    )
    assert [it["seen_ratio"] for it in said["waves"]] == [1.0, 1.0]
    alone = netfold("plan", "--prometheus", url)
    wanted = "--prometheus needs -c FILE: the configuration says which links there are\n"
    assert (alone.returncode, alone.stderr) == (2, wanted)


def test_the_table_names_the_window_the_policy_and_each_reason_in_both_languages(
    tmp_path: Path,
) -> None:
    path = department(tmp_path)
    policy_hash = load_policy(tmp_path / "policy.yaml").hash
    english = netfold("plan", "-c", path, "--cutovers", "1").stdout
    assert "Cutovers a wave, at most: 1;" in english
    assert policy_hash in english
    assert "Of 3 lines of dedicated networks 1 move: waves 1, cutovers 1." in english
    for text in ("2,000 yuan per Mbit/s", "declared: cut over", "up of 200 Mbit/s", "100.00%"):
        assert text in english
    chinese = netfold("plan", "-c", path, "--lang", "zh").stdout
    for text in ("迁移计划", "每Mbit/s省2,000元", "已申报：切换", "up 扩容至 200 Mbit/s"):
        assert text in chinese
    assert "利用率达到 70% 的时间至多 5%；利用率达到 90% 的时间至多 1%" in chinese
    assert "政务外网" in chinese
    for raw in ("load >=", "extranet", "+00:00"):
        assert raw not in chinese


def test_another_policy_is_planned_by_and_named(tmp_path: Path) -> None:
    path, strict = department(tmp_path), tmp_path / "strict.yaml"
    day = {"window": "1d", "confirm_after": "1d"}
    rules = [{"load": "40%", "at_most": "0%"}]
    write(strict, {"links": day, "plan": {"uplinks": rules, "cutovers": "3"}})
    said = json.loads(netfold("plan", "-c", path, "--policy", strict, "--json").stdout)
    assert lines_of(said, "does_not_fit") == [["edu-a"], ["tax-a"]]
    assert (said["rules"], said["cutovers"]) == (["load >= 0.40 at most 0.00"], 3)
    assert said["policy"] == load_policy(strict).hash


def test_the_manual_names_every_reason_that_there_is_a_word_for() -> None:
    manual = (Path(__file__).parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `left_out` \|.*$", manual, re.MULTILINE)
    reasons = set(re.findall(r"`(\w+)`", row.split("`why`: ")[1]))
    assert reasons <= PLAN_WORDS["en"].keys()
    told = {it["why"] for seed in range(60) for it in _of(case(seed))["left_out"]}
    assert told <= reasons


def _of(one: Case) -> Said:
    return said_of(planned(one.config, one, FIRST + TICKS, TODAY))


def test_both_languages_say_the_same_things() -> None:
    english, chinese = PLAN_WORDS["en"], PLAN_WORDS["zh"]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        fields = {it.split("}")[0] for it in text.split("{")[1:]}
        assert fields == {it.split("}")[0] for it in chinese[key].split("{")[1:]}, key


UP = DEPARTMENT["links"][0]


@pytest.mark.parametrize(
    ("changes", "args", "says"),
    [
        pytest.param(
            {"networks": [*DEPARTMENT["networks"][:3], {"name": "extranet", "kind": "extranet"}]},
            (),
            "no uplinks are declared, and network edu is to move to the extranet; "
            "write uplinks: [LINK, …] under a network of kind: extranet",
            id="no-uplinks",
        ),
        pytest.param(
            {},
            ("--cutovers", "0"),
            "--cutovers: 0 is less than 1; write how many a wave may have, as 10",
            id="no-cutovers",
        ),
        pytest.param(
            {},
            ("--at", "2126-11-01T00:00"),
            "--at 2126-11-01T00:00 is to come; name a time that has been, in UTC",
            id="a-time-to-come",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, changes: Said, args: tuple[str, ...], says: str
) -> None:
    done = netfold("plan", "-c", department(tmp_path, **changes), *args)
    assert (done.returncode, done.stderr, done.stdout) == (2, f"{says}\n", "")


def test_a_time_before_the_history_is_not_planned_as_unseen(tmp_path: Path) -> None:
    done = netfold("plan", "-c", department(tmp_path), "--at", "2020-01-01T00:00")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--at 2020-01-01 is before the history, which begins on ")
    assert done.stderr.count("\n") == 1


def test_a_plan_that_moves_nothing_says_so_without_sums(tmp_path: Path) -> None:
    policy = tmp_path / "strict.yaml"
    day = {"window": "1d", "confirm_after": "1d"}
    write(policy, {"links": day, "plan": {"uplinks": [{"load": "1%", "at_most": "0%"}]}})
    english = netfold("plan", "-c", department(tmp_path), "--policy", policy).stdout
    assert "Of 3 lines of dedicated networks none moves.\n" in english


def test_without_dedicated_networks_there_is_nothing_to_plan() -> None:
    with pytest.raises(PlanError, match="no dedicated network is declared, so that there is"):
        made([], [line("u", "extranet")], {"u": 1})


def test_without_a_history_there_is_one_line_too(tmp_path: Path) -> None:
    done = netfold("plan", "-c", department(tmp_path, history=False))
    assert done.returncode == 1
    assert done.stderr.endswith(
        "it is not there, or may not be seen; netfold run keeps it, and --prometheus asks a server "
        "instead\n"
    )
    assert done.stderr.count("\n") == 1


def test_a_plan_is_refused_where_one_uplink_of_many_has_no_bandwidth() -> None:
    with pytest.raises(PlanError, match="uplink u2 of network extranet has no bandwidth"):
        made(
            [dedicated("n")],
            [line("u1", "extranet"), line("u2", "extranet", bandwidth_bps=None), line("m", "n")],
            {},
        )
