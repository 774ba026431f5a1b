"""Systems judged: named cases of a window, and the way from readings to verdicts."""

import json
import socket
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import now
from agent.history import History
from agent.history_reader import HistoryReader
from agent.judge.calendar import SHANGHAI
from agent.judge.status import Status
from agent.judge.system_words import doubts_in_words, sampling_in_words
from agent.judge.systems import (
    Declared,
    Doubt,
    SystemJudgement,
    Watched,
    earliest,
    evidence_of,
    judge_system,
)
from agent.recorder import Recorder
from agent.seasons import seasons
from agent.systems import SystemVerdict, assess_systems
from agent.verdict_json import said_of
from agent.web.words import WORDS
from collectors.base import GaugeReading, Measurement, Moment, Sample, UseMeasure
from config.agent import AgentConfig, Node
from config.inventory import Exemption, System
from config.policy import SystemPolicy, load_policy
from tests.agentproc import netfold, running, write
from tests.testbed import eventually

DAY = 288
TICKS = 90 * DAY
WATCHED = 0.95
TCP = Declared(has_tcp=True, has_udp=False)


def window(ticks: int = TICKS) -> Watched:
    """Ninety days, watched throughout, with other services' connections and nobody here."""
    zeros = np.zeros(ticks)
    return Watched(
        first=1000,
        clients=zeros,
        local_clients=zeros,
        accepted=zeros + 2.0,
        missed=zeros,
        interval_s=zeros + 1.0,
        last_used_s=np.full(ticks, np.nan),
        tick_s=300.0,
    )


def at(count: int, value: float, *, rest: float = 0.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A value in the first ticks, and another in all that follow."""
    return np.where(np.arange(TICKS) < count, value, rest)


def judged(seen: Watched, declared: Declared = TCP) -> SystemJudgement:
    return judge_system(declared, evidence_of(seen), WATCHED)


LEAST = TICKS * 5 // 100
CASES = [
    pytest.param({}, TCP, "suspected_unused", (), id="unused for 90 days"),
    pytest.param({"clients": at(1, 1 / 10)}, TCP, "in_use", (), id="used once for 2 s"),
    pytest.param(
        {"clients": at(TICKS - 1, np.nan, rest=0.1)}, TCP, "in_use", (), id="one tick, used"
    ),
    pytest.param(
        {"clients": at(LEAST, np.nan)}, TCP, "suspected_unused", (), id="watched for 95 %"
    ),
    pytest.param(
        {"clients": at(LEAST + 1, np.nan)}, TCP, "unknown", (Doubt.UNWATCHED,), id="a tick less"
    ),
    pytest.param(
        {"clients": at(TICKS * 6 // 100, np.nan)},
        TCP,
        "unknown",
        (Doubt.UNWATCHED,),
        id="watched for 94 %",
    ),
    pytest.param({}, Declared(False, True), "unknown", (Doubt.UDP,), id="UDP"),
    pytest.param({}, Declared(True, True), "unknown", (Doubt.UDP,), id="UDP beside TCP"),
    pytest.param(
        {"clients": at(9, 1.0)}, Declared(True, True), "in_use", (), id="TCP used, beside UDP"
    ),
    pytest.param({}, Declared(False, False), "unknown", (Doubt.NO_PORT,), id="no port"),
    pytest.param(
        {"local_clients": at(TICKS, 3.0)}, TCP, "unknown", (Doubt.LOCAL,), id="behind a proxy"
    ),
    pytest.param(
        {"local_clients": at(TICKS, 3.0), "clients": at(2, 1.0)},
        TCP,
        "in_use",
        (),
        id="a proxy, and a client beside it",
    ),
    pytest.param(
        {"missed": at(TICKS, 0.4)}, TCP, "suspected_unused", (), id="a fifth of all missed"
    ),
    pytest.param(
        {"accepted": at(12, 9000.0), "missed": at(12, 6000.0)},
        TCP,
        "unknown",
        (Doubt.MISSED,),
        id="a burst of short connections",
    ),
    pytest.param(
        {"accepted": at(TICKS, np.nan)}, TCP, "unknown", (Doubt.MISSED,), id="never counted"
    ),
    pytest.param(
        {"clients": at(TICKS, np.nan), "accepted": at(TICKS, np.nan)},
        TCP,
        "unknown",
        (Doubt.UNWATCHED,),
        id="never watched",
    ),
    pytest.param(
        {"accepted": at(TICKS, 0.0)}, TCP, "suspected_unused", (), id="nobody came to any port"
    ),
    pytest.param(
        {"last_used_s": at(1, 1000 * 300.0, rest=np.nan)},
        TCP,
        "in_use",
        (),
        id="used in a tick that was not watched to its end",
    ),
    pytest.param(
        {"last_used_s": at(TICKS, 999 * 300.0)},
        TCP,
        "suspected_unused",
        (),
        id="used before the window",
    ),
    pytest.param(
        {"last_used_s": at(TICKS, 9e9)},
        TCP,
        "suspected_unused",
        (),
        id="a clock that was years ahead",
    ),
]


@pytest.mark.parametrize(("changes", "declared", "status", "doubts"), CASES)
def test_a_named_window_gets_its_verdict(
    changes: dict[str, Any], declared: Declared, status: str, doubts: tuple[Doubt, ...]
) -> None:
    found = judged(replace(window(), **changes), declared)
    assert (found.status.value, found.doubts) == (status, doubts)


def test_a_busy_period_must_have_passed_without_use() -> None:
    used = evidence_of(replace(window(DAY), clients=np.ones(DAY)))
    unwatched = evidence_of(replace(window(DAY), clients=np.full(DAY, np.nan)))
    unused = evidence_of(window(DAY))
    by_season = [
        judge_system(TCP, unused, WATCHED, {"month_end": it}) for it in (used, unwatched, unused)
    ]
    assert [it.status.value for it in by_season] == ["unknown", "unknown", "suspected_unused"]
    assert by_season[0].doubts == (Doubt.SEASON,)
    assert [it.unproven for it in by_season] == [("month_end",), ("month_end",), ()]


@given(
    st.lists(st.sampled_from([0.0, 0.5, 3.0, np.nan]), min_size=1, max_size=50),
    st.lists(st.booleans(), min_size=50, max_size=50),
)
def test_losing_ticks_never_makes_a_system_look_less_used(
    clients: list[float], lost: list[bool]
) -> None:
    whole = replace(window(len(clients)), clients=np.array(clients))
    kept = np.where(lost[: len(clients)], np.nan, whole.clients)
    before, after = judged(whole).status, judged(replace(whole, clients=kept)).status
    if after is Status.SUSPECTED_UNUSED and before is not after:
        # Only where what was lost is within the share that may be unwatched.
        assert np.mean(~np.isnan(kept)) >= WATCHED
    if before is Status.SUSPECTED_UNUSED:
        assert after is not Status.IN_USE


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_earliest_proof_is_when_enough_was_watched(watched: list[bool]) -> None:
    clients = np.where(watched, 0.0, np.nan)
    seen = replace(window(len(watched)), clients=clients)
    more = earliest(seen, WATCHED)
    for ticks in (more - 1, more):
        if ticks >= 0:
            later = np.concatenate([clients[ticks:], np.zeros(ticks)])
            assert (np.mean(~np.isnan(later)) >= WATCHED) == (ticks == more)


def test_words_name_the_sampling_and_what_stands_against_a_proof() -> None:
    seen = replace(window(), clients=at(TICKS // 2, np.nan), missed=at(TICKS, 1.0))
    evidence = evidence_of(seen)
    words = doubts_in_words(judged(seen), evidence)
    assert words == (
        "it was watched for 50.0% of the window only; no look saw 50.0% of the connections that "
        "this host accepted, more than 20%"
    )
    assert list(sampling_in_words(evidence)) == [
        "50.0% of 25920 ticks were watched",
        "its connections were looked at every 1 s at least",
        "connections that this host accepted and no look saw: 7776000 of 15552000 (50.00%)",
    ]


# From readings to verdicts, through a real history of a day.

NOON = 1_800_000_000.0
END = int(NOON // 300)
TODAY = date(2027, 1, 15)


def reading(measure: UseMeasure, at_s: float, value: float | None) -> GaugeReading:
    moment = Moment(at_s, at_s - 1e9)
    return GaugeReading("system", "leave", "tcp/8443", moment, measure, value)


def a_round(
    at_s: float, clients: float | None = 0, last_s: float | None = None
) -> list[Measurement]:
    """What the collector says every 30 s."""
    known: dict[UseMeasure, float | None] = {
        "clients": clients,
        "local_clients": 0.0,
        "accepted": 1.0,
        "missed": 0.1,
        "interval": 1.0,
        "last_used": last_s,
    }
    return [reading(measure, at_s, value) for measure, value in known.items()]


def a_day(path: Path, recorder: Recorder, used_s: float | None = None, days: int = 1) -> History:
    """Rounds over the days before NOON; a client for one round at `used_s`."""
    history = History(path)
    last_s = None
    for number, at_s in enumerate(np.arange(NOON - days * 86_400, NOON + 60, 30.0).tolist()):
        is_used = used_s is not None and at_s == used_s
        last_s = at_s if is_used else last_s
        recorder.take(a_round(at_s, int(is_used), last_s))
        if number % 100 == 0:
            history.write(recorder.drain()[0])
    history.write(recorder.drain(everything=True)[0])
    return history


def config(*systems: System, folder: Path = Path()) -> AgentConfig:
    policy = load_policy()
    day = SystemPolicy(window_s=86_400.0, watched=WATCHED)
    policy = replace(policy, systems=day)
    return AgentConfig(node=Node(name="n"), data_dir=folder, systems=systems, policy=policy)


def verdict(path: Path, **more: Any) -> SystemVerdict:
    system = System(name="leave", ports=(8443,), **more)
    with HistoryReader(path) as reader:
        (found,) = assess_systems(config(system), reader, END, TODAY)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_a_day_without_a_client_is_suspected_unused(path: Path) -> None:
    a_day(path, Recorder()).close()
    found = verdict(path, used_by="全市公务员")
    assert (found.status.value, found.judgement.doubts) == ("suspected_unused", ())
    said = said_of(found, load_policy())
    assert (said["kind"], said["subject"], said["status"]) == ("system", "leave", found.status)
    assert said["declared"] == {"used_by": "全市公务员", "use_frequency": None}
    evidence = said["evidence"]
    assert (evidence["watched_ratio"], evidence["interval_s"]) == (1.0, 1.0)
    assert evidence["missed_ratio"] == pytest.approx(0.1)
    assert evidence["accepted"] == pytest.approx(86_400)


def test_one_client_of_one_round_makes_a_day_in_use(path: Path) -> None:
    used_s = NOON - 40_000.0 - 20.0
    a_day(path, Recorder(), used_s).close()
    found = verdict(path)
    assert found.status is Status.IN_USE
    assert found.evidence.clients_peak == 1
    assert found.evidence.last_used_s == pytest.approx(used_s, abs=128)


def test_exempt_and_standby_are_shown_and_what_is_proven_is_kept(path: Path) -> None:
    a_day(path, Recorder()).close()
    leave = Exemption(reason="灾备", approver="网络中心", until=date(2027, 6, 30))
    over = leave.model_copy(update={"until": date(2027, 1, 14)})
    assert verdict(path, exempt=leave).status is Status.EXEMPT
    assert verdict(path, exempt=leave).judgement.status is Status.SUSPECTED_UNUSED
    assert verdict(path, exempt=over).status is Status.SUSPECTED_UNUSED
    assert verdict(path, role="standby").status is Status.STANDBY


def test_a_busy_period_before_the_history_leaves_it_unknown(path: Path) -> None:
    a_day(path, Recorder()).close()
    found = verdict(path, busy_periods=("06-01..06-10",))
    assert found.judgement.doubts == (Doubt.SEASON,)
    over = datetime(2027, 6, 11, tzinfo=SHANGHAI)
    assert found.earliest_s == over.timestamp()


def test_a_system_that_was_watched_for_too_short_a_time_waits_for_its_busy_period_too(
    path: Path,
) -> None:
    a_day(path, Recorder(), days=1).close()
    later = NOON + 40_000
    with HistoryReader(path) as reader:
        for periods, when_s in (
            ((), NOON + 86_400 + 40_000 - 0.05 * 86_400),
            (("month_end",), datetime(2027, 2, 1, tzinfo=SHANGHAI).timestamp()),
        ):
            leave = System(name="leave", ports=(8443,), busy_periods=periods)
            (found,) = assess_systems(config(leave), reader, int(later // 300), TODAY)
            assert Doubt.UNWATCHED in found.judgement.doubts
            assert found.earliest_s == pytest.approx(when_s, abs=900)
    udp = System(name="leave", ports=(8443,), udp_ports=(53,), busy_periods=("month_end",))
    with HistoryReader(path) as reader:
        (found,) = assess_systems(config(udp), reader, int(later // 300), TODAY)
    assert found.earliest_s is None


def test_lines_and_systems_have_the_same_busy_periods() -> None:
    """A tick that a period only touches is the period's, whatever is judged."""
    (season,) = seasons(["month_end"], NOON, 7200 * 6)
    assert season.first * 7200 * 6 <= datetime(2026, 12, 29, tzinfo=SHANGHAI).timestamp()
    stop_s = (season.first + season.ticks) * 7200 * 6
    assert stop_s >= datetime(2027, 1, 1, tzinfo=SHANGHAI).timestamp()


def test_when_it_was_last_used_outlives_a_restart_in_the_middle_of_a_tick(path: Path) -> None:
    before, after = Recorder(), Recorder()
    used_s = NOON - 50_000.0
    history = History(path)
    before.take(a_round(used_s, 1, used_s))
    before.take(a_round(used_s + 30, 0, used_s))
    history.write(before.drain(everything=True)[0])
    after.restore(history.states())
    history.close()
    said = after.take(a_round(used_s + 60))
    assert [(it.metric.name, it.value) for it in said if isinstance(it, Sample)] == [
        ("netfold_system_last_used_timestamp_seconds", used_s)
    ]


def test_a_time_of_use_that_is_still_to_come_was_a_wrong_clocks(path: Path) -> None:
    recorder = Recorder()
    recorder.take(a_round(NOON + 1e8, 1, NOON + 1e8))
    assert recorder.take(a_round(NOON)) == []


def test_assess_and_explain_judge_systems_by_the_history(tmp_path: Path) -> None:
    a_day(tmp_path / "history.sqlite", Recorder()).close()
    path = tmp_path / "netfold.yaml"
    system = {"name": "leave", "ports": [8443], "use_frequency": "每月"}
    policy = {"systems": {"window": "1d"}}
    write(tmp_path / "policy.yaml", policy)
    base = {"node": {"name": "n"}, "data_dir": ".", "policy": "policy.yaml"}
    write(path, base | {"systems": [system]})
    at = "2027-01-15T08:00"
    shown = netfold("assess", "-c", path, "--at", at)
    assert shown.returncode == 0, shown.stderr
    assert "suspected_unused" in shown.stdout
    lines = netfold("explain", "leave", "-c", path, "--at", at).stdout.splitlines()
    assert lines[0] == "system leave: suspected_unused"
    assert lines[-1] == "declared use, how often: 每月"
    assert any("of 288 ticks were watched" in it for it in lines)


def test_another_policy_changes_systems_too_and_the_doubt_is_named(tmp_path: Path) -> None:
    a_day(tmp_path / "history.sqlite", Recorder()).close()
    path = tmp_path / "netfold.yaml"
    for name, window in (("policy", "1d"), ("longer", "2d")):
        write(tmp_path / f"{name}.yaml", {"systems": {"window": window}})
    base = {"node": {"name": "n"}, "data_dir": ".", "policy": "policy.yaml"}
    write(path, base | {"systems": [{"name": "leave", "ports": [8443]}]})
    args = ("assess", "-c", path, "--at", "2027-01-15T08:00", "--policy", tmp_path / "longer.yaml")
    (said,) = json.loads(netfold(*args, "--json").stdout)
    assert said["change"]["from"] == "suspected_unused"
    assert said["change"]["why"].startswith("it was watched for 50.0% of the window only")
    assert "1 of 1 subjects change under this policy" in netfold(*args).stdout


def test_once_shows_systems(tmp_path: Path) -> None:
    path = tmp_path / "netfold.yaml"
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        write(path, {"node": {"name": "n"}, "systems": [{"name": "leave", "ports": [port]}]})
        done = netfold("once", "-c", path)
    assert done.returncode == 0, done.stderr
    assert f"│ leave  │ {port}" in done.stdout or f"leave   {port}" in done.stdout


def test_a_running_agent_says_what_it_knows_of_a_system(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        used, unserved = {"name": "leave", "ports": [port]}, {"name": "gone", "ports": [9]}
        declared = {"title": "请假<系统>", "used_by": "全市公务员", "use_frequency": "每月"}
        systems = [used | declared, unserved, {"name": "names", "udp_ports": [53]}]
        with running(tmp_path, {"systems": systems}) as agent:
            eventually(lambda: agent.value("netfold_assessment_last_run_timestamp_seconds"))
            values = agent.values()
            said = {it["subject"]: it for it in json.loads(agent.get("/api/v1/verdicts").body)}
            english = agent.get("/?lang=en").body.decode()
            chinese = agent.get("/?lang=zh").body.decode()
    assert values["netfold_system_verdict", "leave", "unknown"] == 1
    assert ("netfold_system_verdict", "leave", "idle") not in values
    assert values["netfold_system_clients", "leave"] == 0
    assert values["netfold_system_port_listening", "gone", "9"] == 0
    assert ("netfold_system_clients", "gone") not in values
    assert values["netfold_system_watched_ratio", "leave"] == 0
    assert values["netfold_connections_sampling_interval_seconds",] >= 1
    assert said["names"]["doubts"] == ["udp"]
    assert said["leave"]["doubts"] == ["unwatched"]
    assert datetime.fromisoformat(said["leave"]["earliest"]).timestamp() > now().wall_s
    assert "请假&lt;系统&gt;" in english
    assert "全市公务员 / 每月" in english
    assert "clients of UDP ports are not known" in english
    assert "疑似僵尸" not in chinese
    assert "本机信息系统" in chinese
    assert {f"doubt_{it}" for it in Doubt} <= WORDS["en"].keys() & WORDS["zh"].keys()
