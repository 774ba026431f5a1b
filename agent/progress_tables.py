"""Progress as tables, in the words of a language: what the command prints and the page shows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agent.judge.steps import STEPS
from agent.progress_json import GROUPS, MEASURES
from agent.web.figures import UNKNOWN, bandwidth, percent

Said = Mapping[str, Any]
Words = Mapping[str, str]

_STATES = ("exempt", "to_consolidate", "migrated", "joined", "on_the_way", "waiting")
_KEYS = {"joined": "interconnected"}
"""What JSON calls a state whose heading has to be short."""

_BECAME = ("on_time", "late", "undated", "overdue", "to_come")


class Grid(NamedTuple):
    """A table: its title, its headings (`>` before one of numbers), its rows, and notes."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def grids(said: Said, words: Words, groups: Sequence[str] = GROUPS) -> Iterator[Grid]:
    """All tables of `progress --json`, those that have nothing to say left out."""
    every = (
        *(_groups(said, group, words) for group in groups),
        _rates(said["total"], words),
        _phases(said["total"], words),
        _coverage(said["coverage"], words),
        _plan(said["plan"], words),
        _milestones(said["milestones"], words),
        _forecast(said["forecast"], words),
        _overdue(said["overdue"], words),
        _history(said["history"], words),
    )
    return (it for it in every if it.rows or it.notes)


def _groups(said: Said, by: str, words: Words) -> Grid:
    headings = (">rate", *(f">{it}" for it in _STATES), ">yuan_saved", ">yuan_reclaimable")
    rows = [_group(it, it[by], by, words) for it in said[f"by_{by}"]]
    rows.append(_group(said["total"], words["all"], "", words))
    return _grid(words, f"by_{by}", (by, *headings), rows)


def _group(one: Said, name: str | None, by: str, words: Words) -> tuple[str, ...]:
    done = [one["rates"][it]["networks"] for it in ("migrated", "interconnected")]
    shown = words[name] if name and by == "level" else name
    return (
        shown or UNKNOWN,
        percent(None if done[0] is None else sum(done)),
        *(str(one[_KEYS.get(it, it)]["networks"]) for it in _STATES),
        *(_figure(one[it], "yuan") for it in ("migrated", "reclaimable")),
    )


def _rates(total: Said, words: Words) -> Grid:
    columns = ("to_consolidate", "migrated", "interconnected", "on_the_way", "reclaimable")
    rows = []
    for measure in MEASURES:
        cells = []
        for column in columns:
            amount = _figure(total[column], measure)
            ratio = total["rates"].get(column, {}).get(measure)
            cells.append(amount if ratio is None else f"{amount} ({ratio:.1%})")
        rows.append((words["count" if measure == "networks" else measure], *cells))
    lacks = ("undecided", "without_cost", "without_bandwidth")
    notes = [words["to_consolidate_said"], words["money_said"]]
    notes += [words[it].format(total[it]) for it in lacks if total[it]]
    return _grid(words, "rates", ("measure_of", *(f">{it}" for it in columns)), rows, notes)


def _figure(of: Said | None, measure: str) -> str:
    value = None if of is None else of[measure]
    if measure == "bps" or value is None:
        return bandwidth(value)
    return f"{value:,.0f}"


def _phases(total: Said, words: Words) -> Grid:
    nothing = {"networks": 0, "lines": 0}
    rows = []
    for phase in (*STEPS, "interconnected", "reverted", "exempt", "none"):
        both = [total[source].get(phase, nothing) for source in ("declared", "observed")]
        rows.append((words[phase], *(f"{it['networks']} ({it['lines']})" for it in both)))
    return _grid(words, "by_phase", ("phase", ">declared", ">observed"), rows)


def _coverage(said: Sequence[Said], words: Words) -> Grid:
    rows = [
        (
            *(words[it["level"]], str(it["named"]), str(it["covered"])),
            *(percent(it["ratio"]), " ".join(it["not_covered"])),
        )
        for it in said
    ]
    columns = ("level", ">named", ">covered", ">share", "not_covered")
    notes = [words["coverage_said"]] if rows else []
    return _grid(words, "coverage", columns, rows, notes)


def _plan(said: Sequence[Said], words: Words) -> Grid:
    rows = [
        (words[it["phase"]], str(it["networks"]), *(str(it[became]) for became in _BECAME))
        for it in said
    ]
    columns = ("phase", ">with_plan", *(f">{it}" for it in _BECAME))
    return _grid(words, "plan_actual", columns, rows)


def _milestones(said: Sequence[Said], words: Words) -> Grid:
    rows = []
    for it in said:
        state = "met" if it["met"] else "overdue" if it["overdue"] else "open"
        rows.append(
            (
                it["title"] or it["name"],
                it["by"],
                words[it["phase"]],
                f"{it['share']:.0%} ({it['needed']})",
                f"{it['reached']} / {it['networks']}",
                " ".join(filter(None, (words[state], it["met_on"]))),
            )
        )
    columns = ("milestone", "due", "phase", ">goal", ">reached", "state")
    return _grid(words, "milestones", columns, rows)


def _forecast(said: Said, words: Words) -> Grid:
    if said["why"]:
        return _grid(words, "forecast", (), (), [words[f"why_{said['why']}"].format(**said)])
    bounds = ("earliest", "likely", "latest")
    row = tuple(said[it] or words["beyond"] for it in bounds)
    columns = tuple(f"{it}_day" for it in bounds)
    return _grid(words, "forecast", columns, [row], [words["forecast_said"].format(**said)])


def _overdue(said: Sequence[Said], words: Words) -> Grid:
    rows = [
        (
            *(it["network"], it["department"] or UNKNOWN, words[it["phase"]]),
            *(it["due"], str(it["days"]), words[it["counted"] or "none"]),
        )
        for it in said
    ]
    columns = ("network", "department", "phase", "due", ">days_late", "counts_as")
    return _grid(words, "overdue", columns, rows)


def _history(said: Sequence[Said], words: Words) -> Grid:
    rows = [(it["by"], it["title"], it["source"]) for it in said]
    return _grid(words, "history", ("due", "milestone", "source"), rows, [words["history_said"]])


def _grid(
    words: Words,
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    notes: Sequence[str] = (),
) -> Grid:
    marked = [(it[: it.startswith(">")], it.removeprefix(">")) for it in columns]
    headings = tuple(mark + words[name] for mark, name in marked)
    return Grid(words[title], headings, tuple(rows), tuple(notes))
