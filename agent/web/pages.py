"""The page for people: every network and line with its verdict, rendered here, without scripts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp_jinja2
import jinja2
from aiohttp import web

from agent.judge.calendar import SHANGHAI
from agent.web.words import WORDS, language
from config.agent import AgentConfig

_HERE = Path(__file__).parent
_UNKNOWN = "–"


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
    since = datetime.fromisoformat(verdict["since"]).astimezone(SHANGHAI).date().isoformat()
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
