"""All sections of a report as tables, in the words of a language and in their order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.report.content import Content
from agent.report.line_sections import low_use, summary
from agent.report.progress_sections import progress, yearly
from agent.report.table import Column, Section, Table, Value, called
from agent.report.unseen import LEAST
from agent.web.figures import day

Words = Mapping[str, str]
Said = Mapping[str, Any]
Titles = Mapping[str, str]

_DIGEST = 19
"""So many characters of a digest tell it: `sha256:` and twelve more."""


def sections(content: Content, words: Words, *, wide: bool) -> list[Section]:
    """Every section; `wide` gives each figure a column of its own, as a workbook has room for."""
    by_lines, servers, systems = (_source(content, words, it) for it in _WINDOWS)
    month = content["availability"]
    titles = content["titles"]
    return [
        summary(content, words, by_lines, wide=wide),
        low_use(content, words, by_lines, wide=wide),
        progress(content, words, _source(content, words, "lines", "source_progress")),
        _availability(content, words, _sourced(content, words, "source_month", month)),
        yearly(content, words, _source(content, words, "lines", "source_progress")),
        _systems(content, words, systems),
        _data_centres(content["data_centres"], words, servers),
        _exceptions(content["exceptions"], titles, words, by_lines),
        _unseen(content["unseen"], titles, words, by_lines),
    ]


_WINDOWS = ("lines", "servers", "systems")


def minute(iso: str) -> str:
    """A time of the content as people read it."""
    return iso[:16].replace("T", " ")


def _source(content: Content, words: Words, of: str, key: str = "source_window") -> str:
    return _sourced(content, words, key, content["head"]["windows"][of])


def _sourced(content: Content, words: Words, key: str, window: Said) -> str:
    head = content["head"]
    journal = head["journal"][:_DIGEST] if head["journal"] else words["no_journal"]
    facts = {**window, "from": minute(window["from"]), "to": minute(window["to"])}
    return words[key].format(**facts, policy=head["policy"][:_DIGEST], journal=journal)


def _availability(content: Content, words: Words, source: str) -> Section:
    said = content["availability"]
    columns = [
        *(Column(words[it]) for it in ("kind", "name", "network", "purpose")),
        *(Column(words["at_least"], "share"), Column(words["at_most"], "share")),
        *(Column(words["seen_ratio"], "percent"), Column(words["sla"])),
        Column(words["sla_rules"]),
    ]
    rows = [list(_available(it, content["titles"], words)) for it in said["rows"]]
    table = Table(words["availability"], columns, rows, words["no_probes"])
    notes = [words["isolated_said"]] if rows else []
    notes += [] if said["whole"] else [words["not_whole"]]
    title = words["section_availability"].format(year=said["month"][:4], month=said["month"][5:])
    return Section("availability", title, source, [table], notes)


def _available(one: Said, titles: Titles, words: Words) -> Iterator[Value]:
    purpose = "must_not_answer" if one["isolated"] else f"purpose_{one['purpose']}"
    network = one["network"] and called(one["network"], titles, words)
    yield words[f"kind_{one['kind']}"]
    yield network if one["kind"] == "network" else one["subject"]
    yield from (network, words.get(purpose))
    yield from (*one["share"], one["seen_ratio"], one["profile"])
    rules = one["rules"].items()
    said = (f"{words[f'sla_{it}']}{words['colon']}{words[f'kept_{kept}']}" for it, kept in rules)
    yield words["separator"].join(said) or None


def _systems(content: Content, words: Words, source: str) -> Section:
    declared = ("function", "used_by", "use_frequency", "approved_by")
    columns = [
        *(Column(words[it]) for it in ("system", "owner", *declared)),
        *(Column(words["approved_on"], "day"), Column(words["funding_source"])),
        *(Column(words["last_used"], "day"), Column(words["clients_peak"], "count")),
        *(Column(words["watched_ratio"], "percent"), Column(words["missed_ratio"], "percent")),
        Column(words["since"], "day"),
    ]
    rows: list[list[Value]] = []
    for it in content["systems"]:
        seen = it["evidence"]
        rows.append(
            [
                *(it["title"] or it["system"], it["owner"], *(it[name] for name in declared)),
                *(it["approved_on"], it["funding_source"]),
                seen["last_used"] and day(seen["last_used"]),
                *(seen["clients_peak"], seen["watched_ratio"], seen["missed_ratio"]),
                it["since"] and day(it["since"]),
            ]
        )
    empty = words["no_suspected" if content["summary"]["systems"] else "no_systems"]
    table = Table(words["section_systems"], columns, rows, empty)
    notes = [words["suspected_means"]]
    return Section("systems", words["section_systems"], source, [table], notes)


def _data_centres(said: Sequence[Said], words: Words, source: str) -> Section:
    statuses = ("idle", "low_use", "unknown")
    sizes = {"cores": ("cores", 1.0), "memory_bytes": ("memory_gb", 1e9)}
    sizes |= {"disk_bytes": ("disk_gb", 1e9)}
    columns = [Column(words["data_centre"]), Column(words["servers_count"], "count")]
    columns += [Column(words[it], "count") for it in statuses]
    for heading, _ in sizes.values():
        columns += [
            Column(f"{words[heading]} · {words[it]}", "number") for it in ("lower", "upper")
        ]
    rows: list[list[Value]] = []
    for it in said:
        row: list[Value] = [it["data_centre"], it["servers"]]
        row += [it["by_verdict"][status] for status in statuses]
        for size, (_, unit) in sizes.items():
            row += [None if bound is None else bound / unit for bound in it["idle"][size]]
        rows.append(row)
    title = words["section_data_centres"]
    table = Table(title, columns, rows, words["no_data_centres"])
    return Section("data_centres", title, source, [table], [words["capacity_said"]])


def _exceptions(said: Sequence[Said], titles: Titles, words: Words, source: str) -> Section:
    columns = [Column(words[it]) for it in ("what", "kind", "name", "state")]
    columns.append(Column(words["until_or_on"], "day"))
    columns += [Column(words[it]) for it in ("by_whom", "reason", "declared", "observed")]
    columns.append(Column(words["gates_left"]))
    rows: list[list[Value]] = []
    for it in said:
        phases = [_phase(it[which], words) for which in ("declared", "observed")]
        gates = [words.get(f"gate_{gate}", gate) for gate in it["gates"]]
        is_network = it["kind"] == "network"
        name = called(it["subject"], titles, words) if is_network else it["subject"]
        row = [words[it["what"]], words[f"kind_{it['kind']}"], name, words[it["state"]]]
        rows.append([*row, it["day"], it["by"], it["reason"], *phases, gates or None])
    title = words["section_exceptions"]
    table = Table(title, columns, rows, words["no_exceptions"])
    return Section("exceptions", title, source, [table])


def _unseen(said: Said, titles: Titles, words: Words, source: str) -> Section:
    columns = [*(Column(words["kind"]), Column(words["name"]))]
    columns += [Column(words["seen_ratio"], "percent"), Column(words["why"])]
    columns.append(Column(words["earliest_at"], "day"))
    rows = [
        [
            words[f"kind_{it['kind']}"],
            called(it["subject"], titles, words) if it["kind"] == "network" else it["subject"],
            *(it["seen_ratio"], list(_why(it, words))),
            it["earliest"] and day(it["earliest"]),
        ]
        for it in said["unknown"]
    ]
    unknown = Table(words["unknown_subjects"], columns, rows, words["all_decided"])
    seen = [Column(words["line_name"]), Column(words["seen_ratio"], "share")]
    least = [[it["link"], it["seen_ratio"]] for it in said["least_seen"]]
    empty = words["all_seen" if said["lines"] else "no_lines_here"]
    facts = {"lines": said["lines"], "partly": said["lines_partly_seen"], "least": LEAST}
    notes = [words["least_seen_said"].format(**facts)] if least else []
    years = words["comma"].join(map(str, said["unknown_years"]))
    of_years = words["years_unknown"].format(years) if years else words["years_known"]
    title = words["section_unseen"]
    tables = [unknown, Table(words["least_seen"], seen, least, empty, notes)]
    return Section("unseen", title, source, tables, [of_years])


def _phase(name: str | None, words: Words) -> str | None:
    """One of a version that knew more phases is shown as it was written."""
    return None if name is None else words.get(name, name)


def _why(one: Said, words: Words) -> Iterator[str]:
    for it in one["why"]:
        periods = f"{words['colon']}{words['comma'].join(one['busy_periods'])}"
        yield words[it] + (periods if it == "doubt_busy_period" and one["busy_periods"] else "")
