"""What is declared stands in the journal: of the configuration, and of commands."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli.journal import in_words
from agent.declared import Declaration, applied, bring_up, follow, look
from agent.journal import Entry, journal_in, opened, read
from config.agent import AgentConfig
from config.load import load
from tests.agentproc import running, write
from tests.testbed import eventually

DAY_S = 86_400.0
AT_S = datetime(2027, 3, 1, 4, tzinfo=UTC).timestamp()
EXEMPT = {"reason": "灾备", "approver": "网络中心", "until": "2027-03-02"}


def config(folder: Path, *networks: dict[str, Any], **more: Any) -> AgentConfig:
    path = folder / "netfold.yaml"
    kinds = [{"kind": "dedicated", **it} for it in networks]
    write(path, {"node": {"name": "test"}, "data_dir": "data", "networks": kinds, **more})
    return load(path)


def entries(folder: Path, kind: str) -> list[Entry]:
    content = read(journal_in(folder / "data"))
    assert content.problem is None
    return [it for it in content.entries if it.kind == kind]


def command(folder: Path, phase: str, at_s: float) -> None:
    with opened(folder / "data") as journal:
        journal.append("phase", "edu", {"phase": phase}, "wang", at_s)


def phases(folder: Path) -> list[tuple[Any, str]]:
    return [(it.what["phase"], it.by) for it in entries(folder, "phase")]


def test_only_what_changed_in_the_configuration_becomes_an_entry(tmp_path: Path) -> None:
    planned = config(tmp_path, {"name": "edu", "phase": "planned"}, {"name": "tax"})
    first = follow(planned, AT_S)
    assert follow(planned, AT_S + DAY_S) == first
    assert phases(tmp_path) == [("planned", "config")]
    assert len(entries(tmp_path, "policy")) == 1
    follow(config(tmp_path, {"name": "edu", "phase": "connected"}), AT_S + 2 * DAY_S)
    assert phases(tmp_path) == [("planned", "config"), ("connected", "config")]


def test_the_newest_entry_counts_whoever_made_it(tmp_path: Path) -> None:
    planned = config(tmp_path, {"name": "edu", "phase": "planned"})
    follow(planned, AT_S)
    command(tmp_path, "connected", AT_S + DAY_S)
    found = follow(planned, AT_S + 2 * DAY_S)
    assert found.timelines["edu"] == [
        Declaration("planned", date(2027, 3, 1)),
        Declaration("connected", date(2027, 3, 2)),
    ]
    assert [it.phase for it in applied(planned, found.timelines).networks] == ["connected"]
    over = config(tmp_path, {"name": "edu", "phase": "dual_running"})
    assert follow(over, AT_S + 3 * DAY_S).timelines["edu"][-1].phase == "dual_running"


def test_a_phase_that_is_said_no_more_takes_back_only_the_configurations_own(
    tmp_path: Path,
) -> None:
    follow(config(tmp_path, {"name": "edu", "phase": "planned"}, {"name": "tax"}), AT_S)
    silent = config(tmp_path, {"name": "edu"})
    assert follow(silent, AT_S).timelines["edu"][-1].phase is None
    command(tmp_path, "cut_over", AT_S)
    follow(config(tmp_path, {"name": "edu", "phase": "observing"}), AT_S)
    assert follow(silent, AT_S).timelines["edu"][-1].phase == "cut_over"


def test_an_agent_that_has_not_reloaded_takes_back_nothing_of_a_newer_file(tmp_path: Path) -> None:
    """Somebody edited the file, declared a phase by a command, and reloads a while later."""
    old = config(tmp_path, {"name": "edu", "phase": "surveyed", "exempt": EXEMPT})
    follow(old, AT_S)
    edited = config(tmp_path, {"name": "edu", "phase": "baselined"})
    with opened(tmp_path / "data") as journal:
        bring_up(journal, edited, AT_S + 60)
    command(tmp_path, "planned", AT_S + 60)
    before = journal_in(tmp_path / "data").read_bytes()
    assert follow(old, AT_S + 600, has_changed=False).timelines["edu"][-1].phase == "planned"
    assert follow(edited, AT_S + 1200).timelines["edu"][-1].phase == "planned"
    assert journal_in(tmp_path / "data").read_bytes() == before
    journal_in(tmp_path / "data").unlink()
    follow(old, AT_S + 1800, has_changed=False)
    assert entries(tmp_path, "phase")[-1].what["phase"] == "surveyed"


def test_without_a_journal_the_configuration_counts_from_today(tmp_path: Path) -> None:
    planned = config(tmp_path, {"name": "edu", "phase": "planned"}, {"name": "tax"})
    today = date(2027, 3, 1)
    assert look(planned, today).timelines == {"edu": [Declaration("planned", today)]}
    assert not journal_in(tmp_path / "data").exists()


def test_an_exemption_is_followed_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    link = {"name": "a", "network": "edu", "interface": {"local": "eth0"}, "exempt": EXEMPT}
    room = {"name": "r", "exempt": EXEMPT}
    both = config(tmp_path, {"name": "edu", "exempt": EXEMPT}, links=[link], machine_rooms=[room])
    follow(both, AT_S)
    follow(both, AT_S + DAY_S)
    longer = EXEMPT | {"until": "2027-03-03"}
    one = config(tmp_path, {"name": "edu", "exempt": longer})
    for days in (1, 2, 3, 4):
        follow(one, AT_S + days * DAY_S)
    follow(config(tmp_path, {"name": "edu"}), AT_S + 5 * DAY_S)
    follow(config(tmp_path, {"name": "edu"}), AT_S + 6 * DAY_S)
    said = [
        (it.at[:10], it.what["of"], it.subject, it.what["state"], it.what["until"])
        for it in entries(tmp_path, "exemption")
    ]
    assert said == [
        ("2027-03-01", "network", "edu", "added", "2027-03-02"),
        ("2027-03-01", "link", "a", "added", "2027-03-02"),
        ("2027-03-01", "machine_room", "r", "added", "2027-03-02"),
        ("2027-03-02", "network", "edu", "changed", "2027-03-03"),
        ("2027-03-02", "link", "a", "gone", "2027-03-02"),
        ("2027-03-02", "machine_room", "r", "gone", "2027-03-02"),
        ("2027-03-04", "network", "edu", "expired", "2027-03-03"),
        ("2027-03-06", "network", "edu", "gone", "2027-03-03"),
    ]


def test_a_change_of_the_policy_is_said_in_words(tmp_path: Path) -> None:
    follow(config(tmp_path), AT_S)
    (tmp_path / "policy.yaml").write_text(
        "links: {window: 20d, idle: [{rate: 8k, at_most: 1%}, {load: 5%, at_most: 0.1%}]}\n"
    )
    follow(config(tmp_path, policy="policy.yaml"), AT_S)
    first, second = (it.what for it in entries(tmp_path, "policy"))
    assert (first["changes"], first["hash"] == second["hash"]) == ([], False)
    assert second["changes"] == [
        (
            "links.idle: was load >= 0.05 at most 0.001; rate >= 16000 at most 0.01; "
            "rate >= 2000000 at most 0.001, is load >= 0.05 at most 0.001; "
            "rate >= 8000 at most 0.01"
        ),
        "links.window_s: was 2592000, is 1728000",
    ]
    assert "links.window_s: was 2592000, is 1728000" in in_words(second)


def test_a_damaged_journal_is_read_as_far_as_it_stands_and_never_added_to(tmp_path: Path) -> None:
    follow(config(tmp_path, {"name": "edu", "phase": "planned"}), AT_S)
    path = journal_in(tmp_path / "data")
    path.write_bytes(damaged := path.read_bytes() + b'{"n":3')
    found = follow(config(tmp_path, {"name": "edu", "phase": "connected"}), AT_S + DAY_S)
    assert "is cut off" in str(found.problem)
    assert found.head is None
    assert [it.phase for it in found.timelines["edu"]] == ["planned", "connected"]
    assert path.read_bytes() == damaged


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file for another user")
def test_a_journal_that_root_begins_is_the_agents(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 12345, 12345)
    follow(config(tmp_path), AT_S)
    assert journal_in(tmp_path / "data").stat().st_uid == 12345


def test_the_running_agent_takes_in_what_was_declared_beside_it(tmp_path: Path) -> None:
    networks = [{"name": "edu", "kind": "dedicated", "phase": "surveyed"}]
    with running(tmp_path, {"networks": networks}) as agent:
        declared = ("netfold_network_phase", "edu", "surveyed", "declared")
        eventually(lambda: agent.value("netfold_journal_writable") == 1, deadline_s=20)
        assert agent.values()[declared] == 1
        (head,) = [it[1] for it in agent.values() if it[0] == "netfold_journal_head_info"]
        assert head == read(journal_in(tmp_path / "data")).head
        command(tmp_path, "planned", AT_S)
        assert agent.get("/-/reload", "POST").status == 200
        eventually(lambda: agent.values()[declared] == 0, deadline_s=20)
        assert agent.value(*declared[:2], "planned", "declared") == 1
        assert json.loads(agent.get("/api/v1/verdicts").body)
        path = journal_in(tmp_path / "data")
        path.write_bytes(path.read_bytes()[:-3])
        assert agent.get("/-/reload", "POST").status == 200
        eventually(lambda: agent.value("netfold_journal_writable") == 0, deadline_s=20)
        assert not [it for it in agent.values() if it[0] == "netfold_journal_head_info"]
    assert agent.log.read_text().count("journal is not written") == 1
