"""Who is let in: the client's certificate, its user and password, before any path is looked at."""

import base64
import ipaddress
from collections.abc import Iterable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from agent.web.passwords import BusyError, Passwords
from agent.web.security import Security

CHALLENGE = 'Basic realm="netfold", charset="UTF-8"'


def protect(app: web.Application, security: Security) -> None:
    """Put a guard before every path, and the configured headers on every answer."""

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(security.config.headers)

    app.middlewares.append(_guard(security))
    app.on_response_prepare.append(add_headers)


def _guard(security: Security) -> Middleware:
    passwords = Passwords()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        config = security.config
        tls = config.tls_server_config
        if tls and tls.client_allowed_sans and not _is_of(request, tls.client_allowed_sans):
            text = "the client's certificate bears no name that may enter\n"
            raise web.HTTPForbidden(text=text)
        hashes = {
            name: hashed.get_secret_value().encode()
            for name, hashed in config.basic_auth_users.items()
        }
        if hashes:
            await _check(request, passwords, hashes)
        return await handler(request)

    return guard


async def _check(request: web.Request, passwords: Passwords, hashes: dict[str, bytes]) -> None:
    shown = _shown(request.headers.get(hdrs.AUTHORIZATION, ""))
    try:
        fits = shown is not None and await passwords.fit(hashes, *shown)
    except BusyError as error:
        text = "too many passwords wait to be checked, try again\n"
        raise web.HTTPTooManyRequests(headers={hdrs.RETRY_AFTER: "1"}, text=text) from error
    if not fits:
        text = "unauthorized\n"
        raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: CHALLENGE}, text=text)


def _shown(header: str) -> tuple[str, bytes] | None:
    """Take `Basic …` apart (RFC 7617) into user and password; None if it is not that."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        return None
    return (name.decode("utf-8", "surrogateescape"), password) if colon else None


def _is_of(request: web.Request, allowed: Iterable[str]) -> bool:
    certificate = request.get_extra_info("peercert") or {}
    names = {_plain(value) for _, value in certificate.get("subjectAltName", ())}
    return not names.isdisjoint(map(_plain, allowed))


def _plain(name: str) -> str:
    """Write an IP address in one way, for certificates and people write it in several."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
