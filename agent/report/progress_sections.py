"""Progress and the year's part of it as tables of numbers, in the words of a language."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.judge.steps import STEPS
from agent.progress_json import GROUPS
from agent.report.content import Content
from agent.report.table import Column, Kind, Section, Table, Value, called
from agent.report.yearly import PHASES

Words = Mapping[str, str]
Said = Mapping[str, Any]

_STATES = ("exempt", "to_consolidate", "migrated", "interconnected", "on_the_way", "waiting")
_BECAME = ("on_time", "late", "undated", "overdue", "to_come")


def progress(content: Content, words: Words, source: str) -> Section:
    """By department, region and level; plan and milestones; what is overdue; the forecast."""
    said = content["progress"]
    tables = [
        *(_groups(said, it, words) for it in GROUPS),
        *(_phases(said["total"], words), _coverage(said["coverage"], words)),
        *(_plan(said["plan"], words), _milestones(said["milestones"], words)),
        *(_forecast(said["forecast"], words), _overdue(said["overdue"], content["titles"], words)),
    ]
    notes = [words["to_consolidate_said"], words["money_said"]]
    return Section("progress", words["section_progress"], source, tables, notes)


def yearly(content: Content, words: Words, source: str) -> Section:
    """What a year reached (接入进展)."""
    said = content["yearly"]
    keys = ("this_year", "before", "day_unknown", "planned_this_year", "planned_and_open")
    headings = ("this_year", "before_year", "undated", *keys[3:])
    phases = _table(
        words,
        "yearly_phases",
        _texts("phase") | _counts(*headings),
        [[words[it["phase"]], *(it[key] for key in keys)] for it in said["phases"]],
        "no_networks_moving",
    )
    networks = _table(
        words,
        "yearly_networks",
        _texts("network", "department", "counts_as") | _days(*PHASES),
        [
            [called(it["network"], content["titles"], words), it["department"]]
            + [words[it["counts_as"] or "none"]]
            + [it[phase] for phase in PHASES]
            for it in said["networks"]
        ],
        "no_moves",
    )
    facts = {"from": said["from"], "to": said["to"], "scope": said["in_scope"]}
    notes = [words["yearly_said"].format(**facts, due=said["due_before"])]
    if said["saved_networks"]:
        yuan = "–" if said["saved_yuan"] is None else f"{said['saved_yuan']:,.0f}"
        saved = {"networks": len(said["saved_networks"]), "yuan": yuan}
        notes.append(words["yearly_saved"].format(**saved, without=said["saved_without_cost"]))
    title = words["section_yearly"].format(said["year"])
    return Section("yearly", title, source, [phases, networks], notes)


def _groups(said: Said, by: str, words: Words) -> Table:
    columns: dict[str, Kind] = {by: "text", "rate": "percent", **_counts(*_STATES)}
    columns |= {"yuan_saved": "yuan", "yuan_reclaimable": "yuan"}
    groups = said[f"by_{by}"]
    rows = [_group(it, _named(it[by], by, words)) for it in groups]
    rows += [_group(said["total"], words["all"])] if groups else []
    return _table(words, f"by_{by}", columns, rows, "no_networks_moving")


def _named(name: str | None, by: str, words: Words) -> str | None:
    return words[name] if name and by == "level" else name


def _group(one: Said, name: str | None) -> list[Value]:
    done = [one["rates"][it]["networks"] for it in ("migrated", "interconnected")]
    reclaimable = one["reclaimable"]
    return [
        name,
        None if done[0] is None else sum(done),
        *(one[it]["networks"] for it in _STATES),
        one["migrated"]["yuan"],
        None if reclaimable is None else reclaimable["yuan"],
    ]


def _phases(total: Said, words: Words) -> Table:
    nothing = {"networks": 0, "lines": 0}
    rows: list[list[Value]] = []
    for phase in (*STEPS, "interconnected", "reverted", "exempt", "none"):
        both = [total[source].get(phase, nothing) for source in ("declared", "observed")]
        rows.append([words[phase], *(it[what] for it in both for what in ("networks", "lines"))])
    headings = [words["phase"]]
    for source in ("declared", "observed"):
        headings += [f"{words[source]} · {words[it]}" for it in ("count", "lines")]
    columns = [Column(headings[0]), *(Column(it, "count") for it in headings[1:])]
    is_empty = not total["all"]["networks"]
    title, empty = words["by_phase"], words["no_networks_moving"]
    return Table(title, columns, [] if is_empty else rows, empty)


def _coverage(said: Sequence[Said], words: Words) -> Table:
    rows: list[list[Value]] = [
        [words[it["level"]], it["named"], it["covered"], it["ratio"], " ".join(it["not_covered"])]
        for it in said
    ]
    columns: dict[str, Kind] = {"level": "text", **_counts("named", "covered")}
    columns |= {"share": "percent", "not_covered": "text"}
    table = _table(words, "coverage", columns, rows, "no_regions")
    return table._replace(notes=[words["coverage_said"]] if rows else [])


def _plan(said: Sequence[Said], words: Words) -> Table:
    rows = [
        [words[it["phase"]], it["networks"], *(it[became] for became in _BECAME)] for it in said
    ]
    columns = _texts("phase") | _counts("with_plan", *_BECAME)
    return _table(words, "plan_actual", columns, rows, "no_plan")


def _milestones(said: Sequence[Said], words: Words) -> Table:
    rows: list[list[Value]] = []
    for it in said:
        state = "met" if it["met"] else "overdue" if it["overdue"] else "open"
        rows.append(
            [
                *(it["title"] or it["name"], it["by"], words[it["phase"]], it["share"]),
                *(it["needed"], it["reached"], it["networks"], words[state], it["met_on"]),
            ]
        )
    columns: dict[str, Kind] = {"milestone": "text", "due": "day", "phase": "text"}
    columns |= {"goal": "percent", **_counts("needed", "reached", "to_consolidate")}
    columns |= {"state": "text", "met": "day"}
    return _table(words, "milestones", columns, rows, "no_milestones")


def _forecast(said: Said, words: Words) -> Table:
    if said["why"]:
        why = words[f"why_{said['why']}"].format(**said)
        return Table(words["forecast"], (), (), why)
    days = [said[it] or words["beyond"] for it in ("earliest", "likely", "latest")]
    columns = _counts("completed", "remaining") | _days("earliest_day", "likely_day", "latest_day")
    rows = [[said["completed"], said["remaining"], *days]]
    table = _table(words, "forecast", columns, rows, "no_forecast")
    return table._replace(notes=[words["forecast_said"].format(**said)])


def _overdue(said: Sequence[Said], titles: Mapping[str, str], words: Words) -> Table:
    rows = [
        [
            *(called(it["network"], titles, words), it["department"], words[it["phase"]]),
            *(it["due"], it["days"], words[it["counted"] or "none"]),
        ]
        for it in said
    ]
    columns = _texts("network", "department", "phase") | _days("due") | _counts("days_late")
    return _table(words, "overdue", columns | _texts("counts_as"), rows, "no_overdue")


def _counts(*headings: str) -> dict[str, Kind]:
    return dict.fromkeys(headings, "count")


def _days(*headings: str) -> dict[str, Kind]:
    return dict.fromkeys(headings, "day")


def _texts(*headings: str) -> dict[str, Kind]:
    return dict.fromkeys(headings, "text")


def _table(
    words: Words,
    title: str,
    columns: Mapping[str, Kind],
    rows: Sequence[Sequence[Value]],
    empty: str,
) -> Table:
    """A table whose columns are named by keys of the words."""
    shown = [Column(words[it], kind) for it, kind in columns.items()]
    return Table(words[title], shown, rows, words[empty])
