"""The summary and the low-use list as tables, in the words of a language."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.report.content import Content
from agent.report.table import Column, Kind, Section, Table, Value, called, shown
from agent.web.figures import day, rule

Words = Mapping[str, str]
Row = Mapping[str, Any]

_MEASURES = ("networks", "lines", "bps", "yuan")
_AMOUNTS: dict[str, Kind] = {
    "count": "count",
    "lines": "count",
    "mbps": "mbps",
    "yuan_a_year": "yuan",
}


def summary(content: Content, words: Words, source: str, *, wide: bool) -> Section:
    """What can be given back, of what, and what proves it; `wide` where no chart can be."""
    said = content["summary"]
    tables = [_give_back(said, content["progress"]["total"], words)]
    tables += [_by_verdict(said, words)] if wide else []
    return Section(
        "summary",
        words["section_summary"],
        source,
        tables,
        [words["suggestion"]],
        list(_proof(said, words)),
    )


def low_use(content: Content, words: Words, source: str, *, wide: bool) -> Section:
    """The list; `wide` has a column for each figure, else what belongs together stands together."""
    said = content["low_use"]
    table = _wide if wide else _compact
    notes = [words["low_use_said"], *([] if wide else [words["days_said"]])]
    if said["leaving_networks"]:
        names = [called(it, content["titles"], words) for it in said["leaving_networks"]]
        notes.append(words["leaving_said"].format(words["comma"].join(names)))
    return Section(
        "low_use",
        words["section_low_use"],
        source,
        [
            table("low_use_rows", said["rows"], words, words["no_low_use"]),
            table("could_be_smaller", said["could_be_smaller"], words, words["no_smaller"]),
        ],
        notes,
    )


def _give_back(said: Row, total: Row, words: Words) -> Table:
    columns = [Column(words["item"])]
    for heading, kind in _AMOUNTS.items():
        columns += [Column(words[heading], kind), Column(words["of_scope"], "percent")]
    items = {
        "to_consolidate": said["in_scope"],
        "reclaimable": said["reclaimable"],
        "migrated": said["saved"],
        "joined": said["interconnected"],
        "on_the_way": said["on_the_way"],
    }
    rows = [_of_scope(words[name], it, said["in_scope"]) for name, it in items.items()]
    notes = [words["to_consolidate_said"], words["money_said"]]
    if said["reclaimable"] is None:
        notes.append(words["reclaimable_unknown"])
    lacks = ("undecided", "without_cost", "without_bandwidth")
    notes += [words[it].format(total[it]) for it in lacks if total[it]]
    is_empty = not said["in_scope"]["networks"]
    empty = words["no_networks_moving"]
    return Table(words["give_back"], columns, [] if is_empty else rows, empty, notes)


def _of_scope(name: str, amount: Row | None, scope: Row) -> list[Value]:
    cells: list[Value] = [name]
    for measure in _MEASURES:
        value, whole = None if amount is None else amount[measure], scope[measure]
        cells += [value, value / whole if whole and value is not None else None]
    return cells


def _by_verdict(said: Row, words: Words) -> Table:
    columns = [Column(words["verdict"]), Column(words["lines"], "count")]
    columns.append(Column(words["of_all_lines"], "percent"))
    rows = [
        (words[status], count, count / said["lines"])
        for status, count in said["lines_by_verdict"].items()
        if count
    ]
    return Table(words["lines_by_verdict"], columns, rows, words["no_lines_here"])


def _proof(said: Row, words: Words) -> Iterator[str]:
    if said["low_lines"]:
        facts = {"low": said["low_lines"], "lines": said["lines"]}
        facts |= {"confirmed": said["low_lines_confirmed"]}
        seen = shown(said["low_lines_least_seen_ratio"], "share")
        yield words["proof"].format(**facts, seen=seen)
    elif said["lines"]:
        yield words["proof_none"].format(lines=said["lines"])
    if said["low_lines_leaving"]:
        yield words["proof_leaving"].format(lines=said["low_lines_leaving"])
    smaller = said["could_be_smaller"]
    if smaller["count"]:
        yuan = shown(smaller["saving_yuan"], "yuan")
        facts = {"count": smaller["count"], "without": smaller["without_price"]}
        yield words["smaller_said"].format(**facts, yuan=yuan)
    if said["systems"]:
        facts = {"suspected": said["systems_suspected"], "systems": said["systems"]}
        yield words["suspected_said"].format(**facts)


def _wide(title: str, rows: Sequence[Row], words: Words, empty: str) -> Table:
    columns = [
        *(Column(words[it]) for it in ("kind", "name", "title_of", "network", "owner")),
        *(Column(words[it]) for it in ("carrier", "line_type")),
        *(Column(words["lines"], "count"), Column(words["mbps"], "mbps")),
        *(Column(words["yuan"], "yuan"), Column(words["verdict"])),
        *(Column(words["since"], "day"), Column(words["confirmed"])),
        *(Column(words[it], "percent") for it in ("seen_ratio", "mean", "p95", "peak")),
        *(Column(words["bounds"]), Column(words["contract_end"], "day")),
        *(Column(words["notice_by"], "day"), Column(words["cut"])),
        *(Column(words["saving"], "yuan"), Column(words["smaller"], "mbps")),
        Column(words["smaller_saving"], "yuan"),
    ]
    return Table(words[title], columns, [_wide_row(it, words) for it in rows], empty)


def _wide_row(row: Row, words: Words) -> list[Value]:
    seen = row["evidence"] or {}
    confirmed = row["confirmed"]
    return [
        *(words[f"kind_{row['kind']}"], row["subject"], row["title"], row["network"], row["owner"]),
        *(row["carrier"], row["line_type"], row["lines"], row["bandwidth_bps"]),
        *(row["annual_cost_yuan"], words[row["status"]]),
        row["since"] and day(row["since"]),
        None if confirmed is None else words["yes" if confirmed else "no"],
        *(seen.get(it) for it in ("seen_ratio", "mean", "p95", "peak")),
        *(list(_bounds(row, words)), row["contract_end"], row["notice_by"]),
        *(_cut(row, words), row["cut"]["saving_yuan"]),
        *(row["cut"]["smaller_bps"], row["cut"]["smaller_saving_yuan"]),
    ]


def _compact(title: str, rows: Sequence[Row], words: Words, empty: str) -> Table:
    columns = [
        *(Column(words["name"]), Column(words["details"]), Column(words["mbps"], "mbps")),
        *(Column(words["yuan"], "yuan"), Column(words["verdict"])),
        *(Column(words["seen_ratio"], "percent"), Column(words["p95_peak"])),
        *(Column(words["bounds"]), Column(words["days"], "curve")),
        *(Column(f"{words['contract_end']} / {words['notice_by']}"), Column(words["cut"])),
        Column(words["saving" if title == "low_use_rows" else "smaller_saving"], "yuan"),
    ]
    heads = [n for n, it in enumerate(rows) if it["kind"] == "network"]
    cells = [_compact_row(it, words) for it in rows]
    return Table(words[title], columns, cells, empty, heads=heads)


def _compact_row(row: Row, words: Words) -> list[Value]:
    seen = row["evidence"] or {}
    figures = [shown(seen.get(it), "percent") for it in ("p95", "peak")] if seen else []
    of = row["title"] if row["kind"] == "network" else row["network_title"] or row["network"]
    name = [row["subject"], *([of] if of else [])]
    details = [row["owner"]] if row["kind"] == "network" else [row["carrier"], row["line_type"]]
    dates = [row["contract_end"], row["notice_by"]]
    return [
        *(name, _known(details), row["bandwidth_bps"], row["annual_cost_yuan"]),
        [words[row["status"]], *_stands(row, words)],
        *(seen.get("seen_ratio"), figures or None, list(_bounds(row, words))),
        *(row["days"], _known(dates), [_cut(row, words), *_meanwhile(row, words)]),
        row["cut"]["saving_yuan"],
    ]


def _stands(row: Row, words: Words) -> list[str]:
    if row["since"] is None:
        return []
    confirmed = words["confirmed" if row["confirmed"] else "not_confirmed"]
    return [day(row["since"]), *([confirmed] if row["status"] in {"idle", "low_use"} else [])]


def _known(texts: Sequence[str | None]) -> list[str] | None:
    return [it for it in texts if it] or None


def _bounds(row: Row, words: Words) -> Iterator[str]:
    """The rules of its verdict with what was seen of each; a network has its members."""
    if not row["rules"]:
        yield words["all_of"].format(words["comma"].join(row["members"]))
    status = "busy" if row["status"] == "normal" else row["status"]
    for said in row["rules"]:
        if (it := rule(said)).status == status:
            office = f" ({words['office']})" if it.in_office_hours else ""
            seen = it.lower if it.lower == it.upper else f"{it.lower}–{it.upper}"
            yield f"{words[it.measure]} {it.level}{office}{words['colon']}{seen} ({it.limit})"


def _cut(row: Row, words: Words) -> str:
    cut = row["cut"]
    if cut["destination"]:
        return words["cut_move_to"].format(words[cut["destination"]])
    if cut["what"] == "smaller":
        key = "cut_smaller_group" if row["kind"] == "group" else "cut_smaller"
        return words[key].format(shown(cut["smaller_bps"], "mbps"))
    return words[f"cut_{cut['what']}"]


def _meanwhile(row: Row, words: Words) -> Iterator[str]:
    cut = row["cut"]
    if cut["what"] == "move_and_give_back" and cut["smaller_bps"]:
        yield words["or_smaller"].format(shown(cut["smaller_bps"], "mbps"))
