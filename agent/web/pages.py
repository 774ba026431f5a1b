"""The page for people: every network and line with its verdict, rendered here, without scripts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import aiohttp_jinja2
import jinja2
from aiohttp import web

from agent.facts import day
from agent.judge.calendar import SHANGHAI
from agent.web.curve import HEIGHT, WIDTH, Curve, drawn
from agent.web.words import WORDS, language
from config.agent import AgentConfig

_HERE = Path(__file__).parent
_UNKNOWN = "–"


class Judged(Protocol):
    """What the page of a line needs of the agent."""

    config: AgentConfig
    verdicts: list[dict[str, Any]]

    async def curve(self, link: str) -> Curve | None:
        """The traffic of a line over its window; None if nothing can be read of it."""


class Row(NamedTuple):
    """One line of the table, as texts, dates in Asia/Shanghai; a network's has no figures."""

    kind: str
    name: str
    status: str
    confirmed: bool
    since: str
    figures: tuple[str, ...]


def set_up(app: web.Application) -> None:
    """Let the application render pages and serve their style."""
    aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True)
    app.router.add_static("/static", _HERE / "static")


def landing(
    request: web.Request, config: AgentConfig, verdicts: Sequence[Mapping[str, Any]]
) -> web.Response:
    """Every network with its lines and groups; in the language asked for."""
    chosen = language(request.query.get("lang"), request.headers.get("Accept-Language", ""))
    context = {
        "words": WORDS[chosen],
        "switch": "en" if chosen == "zh" else "zh",
        "node": config.node,
        "rows": list(_rows(config, verdicts)),
        "policy": config.policy.hash,
    }
    response = aiohttp_jinja2.render_template("landing.html", request, context)
    response.headers["Vary"] = "Accept-Language"
    return response


async def link(request: web.Request, agent: Judged) -> web.Response:
    """One line: its verdict, its curve, and each rule with its bounds.

    Raises:
        web.HTTPNotFound: no line of that name has been judged.
    """
    name = request.match_info["name"]
    found = (it for it in agent.verdicts if (it["kind"], it["subject"]) == ("link", name))
    verdict = next(found, None)
    curve = await agent.curve(name) if verdict else None
    if verdict is None or curve is None:
        raise web.HTTPNotFound(text=f"no line {name!r} has been judged; / lists those that were\n")
    chosen = language(request.query.get("lang"), request.headers.get("Accept-Language", ""))
    drawing = drawn(curve)
    context = {
        "words": WORDS[chosen],
        "here": chosen,
        "switch": "en" if chosen == "zh" else "zh",
        "node": agent.config.node,
        "verdict": verdict,
        "since": _day(verdict["since"]),
        "earliest": verdict["earliest"] and _day(verdict["earliest"]),
        "drawing": drawing,
        "width": WIDTH,
        "height": HEIGHT,
        "top": _bandwidth(round(drawing.top_bps)),
        "from_day": day(curve.from_s),
        "to_day": day(curve.to_s),
        "rules": [_rule(it) for it in verdict["rules"]],
    }
    response = aiohttp_jinja2.render_template("link.html", request, context)
    response.headers["Vary"] = "Accept-Language"
    return response


def _rule(rule: Mapping[str, Any]) -> dict[str, str]:
    lower, upper = rule["share"]
    bounds = {"lower": f"{lower:.2%}", "upper": f"{upper:.2%}"}
    return {"text": rule["rule"], "holds": str(rule["holds"]), **bounds}


def _day(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(SHANGHAI).date().isoformat()


def _rows(config: AgentConfig, verdicts: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Networks in the order of the configuration, each followed by its links and groups."""
    by_subject = {(it["kind"], it["subject"]): it for it in verdicts}
    titles = {network.name: network.title for network in config.networks}
    for network in config.networks:
        if (verdict := by_subject.get(("network", network.name))) is None:
            continue
        yield _row(verdict, titles[network.name] or network.name)
        for group in config.groups:
            if group.network == network.name and ("group", group.name) in by_subject:
                yield _row(by_subject["group", group.name], group.name)
        for link in config.links:
            if link.network == network.name and ("link", link.name) in by_subject:
                yield _row(by_subject["link", link.name], link.name)


def _row(verdict: Mapping[str, Any], name: str) -> Row:
    evidence = verdict["evidence"]
    figures: tuple[str, ...] = ()
    if evidence is not None:
        ratios = (evidence[it] for it in ("seen_ratio", "mean", "p95", "peak"))
        figures = (*map(_percent, ratios), _bandwidth(evidence["capacity_bps"]))
    since = _day(verdict["since"])
    return Row(verdict["kind"], name, verdict["status"], verdict["confirmed"], since, figures)


def _percent(ratio: float | None) -> str:
    return _UNKNOWN if ratio is None else f"{ratio:.1%}"


def _bandwidth(bps: float | None) -> str:
    if bps is None:
        return _UNKNOWN
    for limit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if bps >= limit:
            return f"{bps / limit:g} {prefix}bit/s"
    return f"{bps:g} bit/s"
