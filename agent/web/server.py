"""The HTTP endpoint: metrics, health, reload, and a first page for people."""

import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from aiohttp.http import HttpProcessingError

from agent.exposition import CLASSIC_TYPE, OPENMETRICS_TYPE, wants_gzip, wants_openmetrics
from config.agent import AgentConfig

log = logging.getLogger(__name__)

SHUTDOWN_S = 0.5
"""A scrape under way when the agent is told to stop has this long to finish."""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Netfold</title>
<h1>Netfold</h1>
<p><a href="/metrics">/metrics</a> is what Prometheus scrapes;
<a href="/-/healthy">/-/healthy</a> and <a href="/-/ready">/-/ready</a> tell how the agent is.</p>
"""


class Served(Protocol):
    """What the endpoint needs of the agent."""

    config: AgentConfig

    @property
    def unmeasured(self) -> int:
        """Targets not measured yet."""

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        """All metrics as text."""

    def reload(self) -> str | None:
        """Read the configuration again; what is wrong with it, if it was not taken."""


@asynccontextmanager
async def listen(agent: Served) -> AsyncIterator[None]:
    """Serve while the context lasts.

    Raises:
        OSError: the address cannot be listened on.
    """
    address = agent.config.listen
    runner = web.AppRunner(application(agent), access_log=None, shutdown_timeout=SHUTDOWN_S)
    # A port scanner's garbage is answered with 400; the log is no place for its traceback.
    logging.getLogger("aiohttp.server").addFilter(_is_not_the_clients_fault)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        if not _is_loopback(address.host):
            log.warning("listening beyond loopback without TLS", extra={"listen": str(address)})
        yield
    finally:
        await runner.cleanup()


def application(agent: Served) -> web.Application:
    """All paths; the agent is asked, never changed, but for a reload."""

    async def metrics(request: web.Request) -> web.Response:
        return _metrics(agent, request)

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(_: web.Request) -> web.Response:
        if agent.unmeasured:
            return web.Response(status=503, text=f"{agent.unmeasured} targets to be measured yet\n")
        return web.Response(text="ready\n")

    async def reload(_: web.Request) -> web.Response:
        problems = agent.reload()
        if problems is not None:
            text = f"not taken, the old configuration is in force:\n{problems}\n"
            return web.Response(status=500, text=text)
        return web.Response(text="taken\n")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/-/healthy", healthy)
    app.router.add_get("/-/ready", ready)
    app.router.add_post("/-/reload", reload)
    return app


def _metrics(agent: Served, request: web.Request) -> web.Response:
    openmetrics = wants_openmetrics(_header(request, "Accept"))
    response = web.Response(body=agent.metrics(openmetrics=openmetrics))
    response.headers["Content-Type"] = OPENMETRICS_TYPE if openmetrics else CLASSIC_TYPE
    if wants_gzip(_header(request, "Accept-Encoding")):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _header(request: web.Request, name: str) -> str:
    return ",".join(request.headers.getall(name, []))


def _is_not_the_clients_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
