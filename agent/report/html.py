"""A report as one HTML file that needs nothing else: style and charts are in it, no script is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from agent.report import charts
from agent.report.content import Content
from agent.report.sections import minute, sections
from agent.report.table import NUMERIC, shown
from agent.web.figures import UNKNOWN

Words = Mapping[str, str]
_TEN_THOUSAND = 1e4


class Tile(NamedTuple):
    """A headline: a figure, its unit, and what it is of."""

    figure: str
    unit: str
    of: str


def as_html(content: Content, words: Words) -> bytes:
    """Fill the template; every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    total = content["progress"]["total"]
    page = environment.get_template("report.html").render(
        words=words,
        head=content["head"],
        minute=minute,
        tiles=list(_tiles(content, words)),
        sections=sections(content, words, wide=False),
        charts={
            "summary": charts.verdicts(content["summary"]["lines_by_verdict"], words)
            if content["summary"]["lines"]
            else "",
            "progress": charts.phases(total, words) if total["all"]["networks"] else "",
        },
        curve=charts.curve,
        shown=shown,
        numeric=NUMERIC,
    )
    return page.encode()


def _tiles(content: Content, words: Words) -> Iterator[Tile]:
    """What can be given back, in money, bandwidth, lines and networks, each with its whole."""
    said = content["summary"]
    scope, part = said["in_scope"], said["reclaimable"] or {}
    in_chinese = words["lang"].startswith("zh")
    scale = _TEN_THOUSAND if in_chinese else 1.0
    for measure, unit, by in (
        ("yuan", words["tile_yuan"], scale),
        ("bps", words["mbps"], 1e6),
        ("lines", words["tile_lines"], 1.0),
        ("networks", words["tile_networks"], 1.0),
    ):
        value, whole = part.get(measure), scope[measure]
        known = value is not None and bool(whole)
        of = {"whole": _figure(whole, by), "ratio": _ratio(value, whole) if known else UNKNOWN}
        yield Tile(_figure(value, by), unit, words["tile_of"].format(**of, unit=unit))


def _ratio(value: Any, whole: Any) -> str:
    return f"{value / whole:.1%}"


def _figure(value: float | None, by: float) -> str:
    if value is None:
        return UNKNOWN
    return f"{value / by:,.2f}" if by == _TEN_THOUSAND else f"{value / by:,.10g}"
