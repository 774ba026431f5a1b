"""The pages for people: networks and lines with their verdicts, rendered here, without scripts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import aiohttp_jinja2
import jinja2
from aiohttp import web

from agent import facts
from agent.history import HistoryError
from agent.progress_tables import grids
from agent.web.curve import HEIGHT, WIDTH, Curve, drawn
from agent.web.figures import (
    FIGURES,
    MEASURE_FIGURES,
    SERVER_FIGURES,
    bandwidth,
    day,
    figures,
    measures,
    office_figures,
    percent,
    rule,
    server_figures,
)
from agent.web.phases import phase_rows
from agent.web.systems import systems
from agent.web.words import WORDS, Language, language
from config.agent import AgentConfig

_HERE = Path(__file__).parent


class Judged(Protocol):
    """What the page of a line or a server needs of the agent."""

    config: AgentConfig
    verdicts: list[dict[str, Any]]

    async def curve(self, kind: str, subject: str) -> Curve:
        """What a link or a server did over its window; HistoryError if it cannot be read."""


class Row(NamedTuple):
    """One line of a table, as texts, dates in Asia/Shanghai; a network's has no figures.

    `kind` is what it is; of a server, the data centre that it stands in.
    """

    kind: str
    name: str
    status: str
    confirmed: bool
    since: str
    figures: tuple[tuple[str, str], ...]


def set_up(app: web.Application) -> None:
    """Let the application render pages and serve their style."""
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    app.router.add_static("/static", _HERE / "static")


def landing(
    request: web.Request, config: AgentConfig, verdicts: Sequence[Mapping[str, Any]]
) -> web.Response:
    """Every network with its lines and groups, and every server; in the language asked for."""
    context = {
        "rows": list(_rows(config, verdicts)),
        "systems": list(systems(config, verdicts)),
        "figures": FIGURES,
        "servers": list(_servers(config, verdicts)),
        "server_figures": SERVER_FIGURES,
        "policy": config.policy.hash,
    }
    return _rendered("landing.html", request, config, context)


def networks(
    request: web.Request, config: AgentConfig, phases: Sequence[Mapping[str, Any]], today: str
) -> web.Response:
    """Every network that moves, with its phases, gates and the day that is due next."""
    context = {"rows": list(phase_rows(config, phases, today)), "policy": config.policy.hash}
    return _rendered("networks.html", request, config, context)


def progress(
    request: web.Request, config: AgentConfig, said: Mapping[str, Any] | None
) -> web.Response:
    """How far all are: the tables of `netfold progress`."""
    words = WORDS[_language(request)]
    context = {
        "grids": list(grids(said, words)) if said else [],
        "today": said["date"] if said else "",
        "policy": config.policy.hash,
    }
    return _rendered("progress.html", request, config, context)


async def link(request: web.Request, agent: Judged) -> web.Response:
    """One line: its verdict, its figures, its curve, and each rule with its bounds.

    Raises:
        web.HTTPNotFound: no line of that name has been judged.
        web.HTTPServiceUnavailable: the history cannot be read.
    """
    verdict, curve = await _of_subject(request, agent, "link", "line")
    drawing = drawn(curve)
    context = {
        "figures": figures(verdict["evidence"]),
        "office": office_figures(verdict["evidence"]),
        "drawing": drawing,
        "top": bandwidth(round(drawing.top)),
    }
    return _rendered("link.html", request, agent.config, _shared(verdict, curve) | context)


async def server(request: web.Request, agent: Judged) -> web.Response:
    """One server: its verdict, each measure's figures, its CPU's curve, and each rule.

    Raises:
        web.HTTPNotFound: no server of that name has been judged.
        web.HTTPServiceUnavailable: the history cannot be read.
    """
    verdict, curve = await _of_subject(request, agent, "server", "server")
    centres = (it.data_centre for it in agent.config.servers if it.name == verdict["subject"])
    drawing = drawn(curve, least_top=1.0)
    context = {
        "data_centre": next(centres, None),
        "names": MEASURE_FIGURES,
        "measures": measures(verdict["evidence"]),
        "office": office_figures(verdict["evidence"]["cpu"]),
        "office_of": "of_cpu",
        "drawing": drawing,
        "top": percent(drawing.top),
    }
    return _rendered("server.html", request, agent.config, _shared(verdict, curve) | context)


async def _of_subject(
    request: web.Request, agent: Judged, kind: str, word: str
) -> tuple[Mapping[str, Any], Curve]:
    """What was last judged of the subject that the path names, and what it did."""
    name = request.match_info["name"]
    found = (it for it in agent.verdicts if (it["kind"], it["subject"]) == (kind, name))
    verdict = next(found, None)
    if verdict is None:
        text = f"no {word} {name!r} has been judged; / lists those that were\n"
        raise web.HTTPNotFound(text=text)
    try:
        return verdict, await agent.curve(kind, name)
    except HistoryError as error:
        text = f"the history could not be read, try again later: {error}\n"
        raise web.HTTPServiceUnavailable(text=text) from error


def _shared(verdict: Mapping[str, Any], curve: Curve) -> dict[str, Any]:
    """What the pages of lines and servers have in common."""
    return {
        "verdict": verdict,
        "policy": verdict["policy"],
        "since": day(verdict["since"]),
        "earliest": verdict["earliest"] and day(verdict["earliest"]),
        "width": WIDTH,
        "height": HEIGHT,
        "from_day": facts.day(curve.from_s),
        "to_day": facts.day(curve.to_s),
        "rules": [rule(it) for it in verdict["rules"]],
    }


def _rendered(
    template: str, request: web.Request, config: AgentConfig, context: dict[str, Any]
) -> web.Response:
    """Fill a template; who has used the switch keeps the language from page to page."""
    asked = request.query.get("lang")
    chosen = _language(request)
    shared = {
        "words": WORDS[chosen],
        "kept": f"?lang={chosen}" if asked == chosen else "",
        "switch": "en" if chosen == "zh" else "zh",
        "node": config.node,
    }
    response = aiohttp_jinja2.render_template(template, request, shared | context)
    response.headers["Vary"] = "Accept-Language"
    return response


def _language(request: web.Request) -> Language:
    return language(request.query.get("lang"), request.headers.get("Accept-Language", ""))


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


def _servers(config: AgentConfig, verdicts: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    by_name = {it["subject"]: it for it in verdicts if it["kind"] == "server"}
    for server in config.servers:
        if (verdict := by_name.get(server.name)) is not None:
            seen = server_figures(verdict["evidence"])
            since = day(verdict["since"])
            centre = server.data_centre or ""
            yield Row(centre, server.name, verdict["status"], verdict["confirmed"], since, seen)


def _row(verdict: Mapping[str, Any], name: str) -> Row:
    evidence = verdict["evidence"]
    seen = () if evidence is None else figures(evidence)
    since = day(verdict["since"])
    return Row(verdict["kind"], name, verdict["status"], verdict["confirmed"], since, seen)
