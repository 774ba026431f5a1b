"""The HTTP endpoint: metrics, health, reload, what the agent is, and a first page for people."""

import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http import HttpProcessingError

from agent import clock, facts
from agent.exposition import CLASSIC_TYPE, OPENMETRICS_TYPE, wants_gzip, wants_openmetrics
from agent.web import pages
from agent.web.curve import Curve
from agent.web.described import configuration, scrape_target
from agent.web.guard import protect
from agent.web.security import Security
from config.agent import AgentConfig

log = logging.getLogger(__name__)

SHUTDOWN_S = 0.5
"""A scrape under way when the agent is told to stop has this long to finish."""


class Served(Protocol):
    """What the endpoint needs of the agent."""

    config: AgentConfig
    verdicts: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    progress: dict[str, Any] | None

    @property
    def unmeasured(self) -> int:
        """Targets not measured yet."""

    async def curve(self, kind: str, subject: str) -> Curve:
        """What a link or a server did over its window; HistoryError if it cannot be read."""

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        """All metrics as text."""

    def reload(self) -> str | None:
        """Read the configuration again; what is wrong with it, if it was not taken."""


@asynccontextmanager
async def listen(agent: Served, security: Security | None = None) -> AsyncIterator[None]:
    """Serve while the context lasts, to those whom `security` lets in.

    Raises:
        OSError: the address cannot be listened on.
    """
    address = agent.config.listen
    app = application(agent)
    if security:
        protect(app, security)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    # A port scanner's garbage is answered with 400; the log is no place for its traceback.
    logging.getLogger("aiohttp.server").addFilter(_is_not_the_clients_fault)
    await runner.setup()
    try:
        context = security.context if security else None
        await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
        lacking = None if _is_loopback(address.host) else _lacking(security)
        if lacking:
            log.warning(
                "listening beyond loopback without %s", lacking, extra={"listen": str(address)}
            )
        yield
    finally:
        await runner.cleanup()


def application(agent: Served) -> web.Application:
    """All paths; the agent is asked, never changed, but for a reload."""
    paths = _Paths(agent)
    app = web.Application()
    pages.set_up(app)
    app.router.add_get("/", paths.page)
    app.router.add_get("/networks", paths.networks)
    app.router.add_get("/progress", paths.progress)
    app.router.add_get("/link/{name}", paths.link)
    app.router.add_get("/server/{name}", paths.server)
    app.router.add_get("/metrics", paths.metrics)
    app.router.add_get("/config", paths.config)
    app.router.add_get("/sd", paths.discovery)
    app.router.add_get("/api/v1/verdicts", paths.verdicts)
    app.router.add_get("/-/healthy", paths.healthy)
    app.router.add_get("/-/ready", paths.ready)
    app.router.add_post("/-/reload", paths.reload)
    return app


class _Paths:
    """What each path answers."""

    def __init__(self, agent: Served) -> None:
        self._agent = agent

    async def page(self, request: web.Request) -> web.Response:
        return pages.landing(request, self._agent.config, self._agent.verdicts)

    async def networks(self, request: web.Request) -> web.Response:
        today = facts.day(clock.now().wall_s).isoformat()
        return pages.networks(request, self._agent.config, self._agent.phases, today)

    async def progress(self, request: web.Request) -> web.Response:
        return pages.progress(request, self._agent.config, self._agent.progress)

    async def link(self, request: web.Request) -> web.Response:
        return await pages.link(request, self._agent)

    async def server(self, request: web.Request) -> web.Response:
        return await pages.server(request, self._agent)

    async def metrics(self, request: web.Request) -> web.Response:
        openmetrics = wants_openmetrics(_header(request, "Accept"))
        response = web.Response(body=self._agent.metrics(openmetrics=openmetrics))
        response.headers["Content-Type"] = OPENMETRICS_TYPE if openmetrics else CLASSIC_TYPE
        if wants_gzip(_header(request, "Accept-Encoding")):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def config(self, _: web.Request) -> web.Response:
        text = configuration(self._agent.config)
        return web.Response(text=text, content_type="application/json")

    async def discovery(self, request: web.Request) -> web.Response:
        node, listen = self._agent.config.node, self._agent.config.listen
        asked = _header(request, "Host")  # request.host would ask a name server where there is none
        return web.json_response(scrape_target(node, listen, request.scheme, asked))

    async def verdicts(self, _: web.Request) -> web.Response:
        return web.json_response(self._agent.verdicts)

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(self, _: web.Request) -> web.Response:
        unmeasured = self._agent.unmeasured
        if unmeasured:
            return web.Response(status=503, text=f"{unmeasured} targets to be measured yet\n")
        return web.Response(text="ready\n")

    async def reload(self, _: web.Request) -> web.Response:
        problems = self._agent.reload()
        if problems is not None:
            text = f"not taken, the old configuration is in force:\n{problems}\n"
            return web.Response(status=500, text=text)
        return web.Response(text="taken\n")


def _header(request: web.Request, name: str) -> str:
    return ",".join(request.headers.getall(name, []))


def _is_not_the_clients_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _lacking(security: Security | None) -> str | None:
    """What an endpoint that others reach ought to have."""
    if not (security and security.is_tls):
        return "TLS"
    return None if security.config.knows_its_clients else "users or client certificates"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
