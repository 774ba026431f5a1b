"""The plan as tables, in the words of a language: what the command prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.progress_tables import Grid
from agent.web.figures import UNKNOWN, bandwidth, exact, percent

Said = Mapping[str, Any]
Words = Mapping[str, str]

_MINUTE = len("2026-11-01T00:00")


def grids(said: Said, words: Words) -> Iterator[Grid]:
    """All tables of `plan --json`, those that have nothing to say left out."""
    every = (
        _waves(said, words),
        _unfit(said, words),
        _left_out(said, words),
        _uplinks(said, words),
    )
    return (it for it in every if it.rows)


def notes(said: Said, words: Words) -> Iterator[str]:
    """What stands above the tables: what it rests on, and what it comes to."""
    window = {key: said["window"][key][:_MINUTE].replace("T", " ") for key in ("from", "to")}
    yield words["window"].format(**window, ticks=said["window"]["ticks"], policy=said["policy"])
    rules = words["and"].join(_rule(it, words) for it in said["rules"])
    yield words["rules"].format(rules=rules, cutovers=said["cutovers"])
    totals = said["totals"]
    planned, unfit = totals["planned"], totals["does_not_fit"]
    yield words["total_planned" if planned["lines"] else "total_none"].format(
        **planned,
        all=totals["lines"],
        waves=totals["waves"],
        yuan=_yuan(planned["annual_saving_yuan"]),
        first=_yuan(totals["first_wave"]["annual_saving_yuan"]),
    )
    yuan = _yuan(unfit["annual_saving_yuan"] if unfit["lines"] else 0)
    left = totals["left_out"]["lines"]
    yield words["total_left"].format(unfit=unfit["lines"], yuan=yuan, left=left)
    if unpriced := planned["without_saving"] + unfit["without_saving"]:
        yield words["total_unpriced"].format(unpriced)


def _waves(said: Said, words: Words) -> Grid:
    rows = tuple(
        (
            str(it["wave"]),
            *_named(it),
            words["and"].join(place["uplink"] for place in it["uplinks"]),
            _why_here(it, words),
            it["notice_by"] or UNKNOWN,
            _yuan(it["annual_saving_yuan"]),
            percent(it["seen_ratio"]),
            words["and"].join(_at_most(place["rules"]) for place in it["uplinks"]),
        )
        for it in said["waves"]
    )
    columns = (
        *(f">{words['wave']}", f"~{words['lines']}", f"~{words['networks']}"),
        *(words[it] for it in ("uplink", "order", "notice_by")),
        *(f">{words['saving']}", f">{words['seen']}"),
        f"~{words['after_it'].format(_levels(said))}",
    )
    return Grid(words["waves"], columns, rows)


def _why_here(move: Said, words: Words) -> str:
    if move["order"] == "saving":
        worth = move["yuan_per_mbps"]
        return (
            words["order_silent"] if worth is None else words["order_saving"].format(_yuan(worth))
        )
    return words[f"order_{move['order']}"]


def _unfit(said: Said, words: Words) -> Grid:
    rows = tuple(
        (
            *_named(it),
            it["notice_by"] or UNKNOWN,
            _yuan(it["annual_saving_yuan"]),
            _why_not(it, said["cutovers"], words),
            words["and"].join(_upgrade(one, words) for one in it["obstacles"]) or UNKNOWN,
        )
        for it in said["does_not_fit"]
    )
    columns = (
        *(f"~{words['lines']}", f"~{words['networks']}", words["notice_by"]),
        *(f">{words['saving']}", f"~{words['why']}", f"~{words['upgrade']}"),
    )
    return Grid(words["does_not_fit"], columns, rows)


def _why_not(move: Said, most: int, words: Words) -> str:
    if move["why"] == "too_many_cutovers":
        return words["too_many_cutovers"].format(cutovers=move["cutovers"], most=most)
    return words["and"].join(
        words["not_proven"].format(
            uplink=it["uplink"],
            rule=_rule(it["rule"], words),
            share=_between(it["share"]),
            word=words["undecided" if it["holds"] is None else "disproven"],
        )
        for it in move["obstacles"]
    )


def _upgrade(obstacle: Said, words: Words) -> str:
    size = obstacle["upgrade_bps"]
    if size is None:
        return words["no_upgrade"]
    return words["upgrade_to"].format(uplink=obstacle["uplink"], size=bandwidth(size))


def _left_out(said: Said, words: Words) -> Grid:
    rows = tuple(
        (it["network"], " ".join(it["lines"]) or UNKNOWN, words[it["why"]].format(_what(it, words)))
        for it in said["left_out"]
    )
    columns = (words["networks"], f"~{words['lines']}", f"~{words['why']}")
    return Grid(words["left_out"], columns, rows)


def _what(left: Said, words: Words) -> str:
    """What it was seen by: a phase and a kind of network in the words of the language."""
    what: str = left["what"]
    return words[what] if left["why"] in {"done", "no_uplinks"} else what


def _uplinks(said: Said, words: Words) -> Grid:
    rows = tuple(
        (
            *(" ".join(it["lines"]), words[it["destination"]]),
            *(bandwidth(it["capacity_bps"]), percent(it["seen_ratio"])),
            *(_at_most(it[when]) for when in ("before", "after")),
            bandwidth(it["room_after_bps"]),
        )
        for it in said["uplinks"]
    )
    levels = _levels(said)
    columns = (
        *(
            f"~{words['uplink']}",
            words["destination"],
            f">{words['capacity']}",
            f">{words['seen']}",
        ),
        *(f"~{words[it].format(levels)}" for it in ("before", "after")),
        f">{words['room']}",
    )
    return Grid(words["uplinks"], columns, rows)


def _named(move: Said) -> tuple[str, str]:
    return " ".join(move["lines"]), " ".join(move["networks"])


def _levels(said: Said) -> str:
    """The loads of the rules, as the shares in a cell follow each other."""
    return " / ".join(_level_and_limit(it)[0] for it in said["rules"])


def _rule(rule: str, words: Words) -> str:
    level, limit = _level_and_limit(rule)
    return words["rule"].format(level=level, limit=limit)


def _level_and_limit(rule: str) -> tuple[str, str]:
    """Of a rule as the policy writes it, `load >= 0.70 at most 0.05`, both as percentages."""
    level, limit = rule.removeprefix("load >= ").split(" at most ")
    return exact(level), exact(limit)


def _at_most(holds: Sequence[Said]) -> str:
    return " / ".join(percent(it["share"][1]) for it in holds)


def _between(share: Sequence[float]) -> str:
    lower, upper = (f"{it:.2%}" for it in share)
    return lower if lower == upper else f"{lower} – {upper}"


def _yuan(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"
