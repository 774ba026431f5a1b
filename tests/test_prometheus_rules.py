"""What Prometheus is given to load, held against the real promtool and the agent's own judge."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agent.catalogue import catalogue
from agent.judge.bounds import Bounds, Traffic
from agent.judge.verdict import judge
from config.policy import load_policy
from dashboards.alerting.rule import RUNBOOKS
from dashboards.alerts import alerting_rules
from dashboards.build import GENERATED, files, main, stale
from dashboards.rules import ABOVE_1H, SEEN_1H, SEEN_30D, SHARE, recording_rules
from tests.peers import promtool

ROOT = Path(__file__).parents[1]
CASES = Path(__file__).parent / "fixtures" / "prometheus" / "alerts.yml"
ALERTS = [it for group in alerting_rules()["groups"] for it in group["rules"]]
RULES = [it for group in recording_rules()["groups"] for it in group["rules"]]
LINK = '{job="netfold", instance="a", link="hall"}'

CAPACITY_BPS = 100e6
WINDOW_TICKS = 8640
TICKS_PER_HOUR = 12
COLUMNS = ("receive", "transmit", "capacity")

Hour = tuple[float, float] | None
"""What a link receives and transmits in every tick of an hour, bit/s; None: not seen."""

DAY: tuple[Hour, ...] = (
    (0, 0),
    (16_000, 0),
    (8e6, 60e6),
    None,
    (5e6, 3e6),
    (0, 80e6),
    (10e6, 10e6),
    (15_200, 15_200),
)


def test_the_generated_files_are_what_the_code_says() -> None:
    assert stale() == []
    assert main(["--check"]) == 0


def test_a_file_that_is_old_missing_or_nobodys_is_named(tmp_path: Path) -> None:
    old, *missing = files()
    (tmp_path / old).write_text("groups: []\n")
    (tmp_path / "gone.yml").touch()
    assert stale(tmp_path) == sorted([old, *missing, "gone.yml"])


def test_promtool_finds_no_fault_in_the_rules() -> None:
    check = promtool("check", "rules", *sorted(GENERATED.glob("*.yml")))
    assert (check.returncode, check.stderr) == (0, "")
    assert f"{len(RULES)} rules found" in check.stdout
    assert f"{len(ALERTS)} rules found" in check.stdout


def test_every_metric_that_a_rule_names_is_one_that_the_agent_exposes_or_a_rule_records() -> None:
    known = {it.name for it in catalogue()} | {it["record"] for it in RULES}
    for rule in (*RULES, *ALERTS):
        named = set(re.findall(r"(?:link:)?netfold_\w+(?::\w+)?", rule["expr"]))
        assert named, rule
        assert named <= known, rule


@pytest.mark.parametrize("alert", ALERTS, ids=lambda it: str(it["alert"]))
def test_every_alert_says_what_is_wrong_and_where_to_read_on(alert: dict[str, Any]) -> None:
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert page == RUNBOOKS
    assert anchor in {it.lower() for it in headings}
    assert alert["annotations"]["summary"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda it: str(it["alert"]))
def test_every_alert_says_the_same_in_chinese(alert: dict[str, Any]) -> None:
    said = alert["annotations"]
    english, chinese = (said[f"summary{it}"] + said[f"description{it}"] for it in ("", "_zh"))
    assert re.search("[\u4e00-\u9fff]", said["summary_zh"])
    assert set(re.findall("{{.*?}}", chinese)) == set(re.findall("{{.*?}}", english))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda it: str(it["alert"]))
def test_the_words_of_an_alert_name_the_time_that_it_waits(alert: dict[str, Any]) -> None:
    words = {None: ("", ""), "0s": ("", ""), "1h": ("an hour", "一小时")}
    waits = alert.get("for")
    english, chinese = words.get(waits) or (f"{waits[:-1]} minutes", f"{waits[:-1]} 分钟")
    assert english in alert["annotations"]["description"]
    assert chinese in alert["annotations"]["description_zh"]


def test_what_nobody_uses_informs_and_only_a_breach_pages() -> None:
    by_severity: dict[str, set[str]] = {}
    for it in ALERTS:
        by_severity.setdefault(it["labels"]["severity"], set()).add(it["alert"])
    idle = {"LinkLowUseConfirmed", "ServerIdleConfirmed", "SystemSuspectedUnused"}
    assert by_severity.pop("info") == idle | {"ContractEnds"}
    assert by_severity.pop("critical") == {"IsolationBreached"}
    assert set(by_severity) == {"warning"}


def test_every_alert_has_a_case_that_fires_and_a_silent_one() -> None:
    names = [it["name"] for it in yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]]
    for alert in ALERTS:
        for manner in ("fires", "is silent"):
            assert [it for it in names if it.startswith(f"{alert['alert']} {manner} ")], alert


def test_alerts_fire_when_they_should_and_else_are_silent() -> None:
    result = promtool("test", "rules", CASES)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("hours", range(1, len(DAY) + 1))
def test_the_ticks_of_every_hour_are_counted_as_the_agent_does(hours: int, tmp_path: Path) -> None:
    """promtool evaluates the hourly group every five minutes too; a tick is counted in the next."""
    traffic = window(DAY[:hours])
    last = replace(traffic, **{it: getattr(traffic, it)[-TICKS_PER_HOUR:] for it in COLUMNS})
    counts = [(str(it), *in_ticks(it.share)) for it in judge(last, load_policy().links).outcomes]
    said = [it for it in counts if it[2]]  # an hour without a seen tick has no count
    questions = [
        {
            "expr": name,
            "eval_time": f"{hours}h5m",
            "exp_samples": [{"labels": labels(name, rule=it[0]), "value": it[at]} for it in said],
        }
        for at, name in ((1, ABOVE_1H), (2, SEEN_1H))
    ]
    ask(tmp_path, series((*DAY, (0, 0))), "5m", *questions)


def test_the_recorded_shares_are_the_ones_that_the_agent_judges_by(tmp_path: Path) -> None:
    """Evaluated once an hour, of every hour the last tick but one is seen."""
    hours = DAY * 10
    traffic = window(hours)
    for rates in (traffic.receive, traffic.transmit):
        rates[np.arange(WINDOW_TICKS) % TICKS_PER_HOUR != TICKS_PER_HOUR - 2] = np.nan
    expected = [
        {"labels": labels(SHARE, rule=str(outcome), bound=bound), "value": value}
        for outcome in judge(traffic, load_policy().links).outcomes
        for bound, value in zip(("lower", "upper"), outcome.share, strict=True)
    ]
    question = {"expr": SHARE, "eval_time": f"{len(hours)}h", "exp_samples": expected}
    ask(tmp_path, series(hours), "1h", question)


def test_a_line_without_a_capacity_has_no_shares_of_its_load(tmp_path: Path) -> None:
    question = {
        "expr": f'count by (bound) ({SHARE}{{rule=~".*load.*"}}) or count({SHARE})',
        "eval_time": "1h",
        "exp_samples": [{"labels": "{}", "value": 4}],
    }
    ask(tmp_path, series(DAY[:1])[:-1], "1h", question)


def test_the_window_holds_thirty_days_and_no_hour_more(tmp_path: Path) -> None:
    """Evaluated once an hour, every hour has one tick."""
    counters = [{"series": f"{name}{LINK}", "values": "0x44640"} for name in (*COUNTERS, SINCE)]
    question = {
        "expr": f"max({SEEN_30D})",
        "eval_time": "31d",
        "exp_samples": [{"labels": "{}", "value": 720}],
    }
    ask(tmp_path, counters, "1h", question)


def test_a_counter_that_stands_still_is_not_counted_where_the_agent_saw_no_rate(
    tmp_path: Path,
) -> None:
    """Silent for two hours, of which the agent knew no rate from the second one's first poll on."""
    counters = [{"series": f"{name}{LINK}", "values": "0x180"} for name in COUNTERS]
    since = {"series": f"{SINCE}{LINK}", "values": "0x60 3600+60x120"}
    ask(
        tmp_path,
        [*counters, since],
        "5m",
        {"expr": f"max({SEEN_1H})", "eval_time": "1h5m", "exp_samples": exactly(11)},
        {"expr": f"max({SEEN_1H})", "eval_time": "2h5m", "exp_samples": []},
    )


def test_of_an_older_agent_that_does_not_say_what_it_saw_nothing_is_counted(
    tmp_path: Path,
) -> None:
    question = {"expr": SEEN_1H, "eval_time": "1h5m", "exp_samples": []}
    ask(tmp_path, [it for it in series(DAY[:1]) if SINCE not in it["series"]], "5m", question)


def exactly(value: float) -> list[dict[str, Any]]:
    return [{"labels": "{}", "value": value}]


SINCE = "netfold_link_seen_since_timestamp_seconds"
COUNTERS = ("netfold_link_receive_bytes_total", "netfold_link_transmit_bytes_total")


def window(hours: tuple[Hour, ...]) -> Traffic:
    """The hours at the end of a window that has nothing else."""
    seen = [it or (np.nan, np.nan) for it in hours for _ in range(TICKS_PER_HOUR)]
    unseen = [(np.nan, np.nan)] * (WINDOW_TICKS - len(seen))
    receive, transmit = np.array(unseen + seen).T
    return Traffic(0, receive, transmit, np.full(WINDOW_TICKS, CAPACITY_BPS))


def series(hours: tuple[Hour, ...]) -> list[dict[str, str]]:
    """The same hours as counters read every minute, and the contract."""
    found = [
        {"series": f"{name}{LINK}", "values": " ".join(counted(hours, direction))}
        for direction, name in enumerate(COUNTERS)
    ]
    capacity = f"netfold_link_capacity_bytes_per_second{LINK}"
    minutes = len(hours) * 60
    found.append({"series": f"{SINCE}{LINK}", "values": f"0x{minutes}"})
    return [*found, {"series": capacity, "values": f"{CAPACITY_BPS / 8:.0f}x{minutes}"}]


def counted(hours: tuple[Hour, ...], direction: int) -> Iterator[str]:
    """A counter's readings; a gap begins and ends within a tick, where it still or again is read.

    Both those ticks are not seen: from a part of one, its rate would be too little.
    """
    total = 0.0
    yield "0"
    for hour in hours:
        for minute in range(60):
            if hour is not None:
                total += hour[direction] / 8 * 60
            if hour is None and minute in range(2, 57):
                yield "stale" if minute == 2 else "_"
            else:
                yield f"{total:.0f}"


def in_ticks(share: Bounds) -> tuple[int, int]:
    """How many ticks of an hour were above, and how many seen."""
    unseen = share.upper - share.lower
    return round(share.lower * TICKS_PER_HOUR), round((1 - unseen) * TICKS_PER_HOUR)


def labels(name: str, **more: str) -> str:
    return name + LINK[:-1] + "".join(f", {k}={json.dumps(v)}" for k, v in more.items()) + "}"


def ask(folder: Path, given: list[dict[str, str]], every: str, *questions: dict[str, Any]) -> None:
    """Have promtool evaluate the recording rules on given series, and check the answers."""
    case = {"interval": "1m", "input_series": given, "promql_expr_test": questions}
    content = {
        "rule_files": [str(GENERATED / "rules.yml")],
        "evaluation_interval": every,
        "group_eval_order": [it["name"] for it in recording_rules()["groups"]],
        "tests": [case],
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(content))  # JSON is YAML too
    result = promtool("test", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_shipped_configuration_of_prometheus_loads_the_rules() -> None:
    said = promtool("check", "config", Path(__file__).parents[1] / "dashboards" / "prometheus.yml")
    assert said.returncode == 0, said.stderr
    assert "SUCCESS: 3 rule files found" in said.stdout
    assert "FAILED" not in said.stdout
