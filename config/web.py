"""The web configuration: who may use the endpoint, and how; exporter-toolkit's format."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from collectors.fields import seen
from config.document import Document, Form
from config.fields import Item, Truth
from config.problems import ConfigError
from config.reader import read
from config.validate import validate
from config.web_tls import Tls

_FORM = Form((), "docs/operating.md", "basic_auth_users: {NAME: HASH}")
_USERS = "basic_auth_users"
_USER = re.compile(r"[^\s:$]{1,128}")  # a colon ends it in the header; a hash has dollars
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_COSTS = range(4, 17)  # each step doubles the time: 10 takes about 0.1 s, 16 some 4 s


def _hash(value: object) -> object:
    """Take a bcrypt hash; no message quotes what may be a password."""
    if not isinstance(value, str):
        return value
    match = _HASH.fullmatch(value)
    if match is None:
        msg = f"not a bcrypt hash: a text of {len(value)} characters; write the 60 that htpasswd "
        raise ValueError(msg + "-nBC 10 NAME prints after the colon, as $2y$10$…")
    if int(match[1]) not in _COSTS:
        msg = f"out of range: a bcrypt cost of {match[1]}; make a hash with one of "
        raise ValueError(msg + f"{_COSTS[0]} to {_COSTS[-1]}, as 10")
    return value


def _header(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("[\x21-\x7e][\x20-\x7e]{0,4095}", value):
        msg = f"not the value of a header: {seen(value)}; write one line of ASCII"
        raise ValueError(msg)
    return value


Hash = Annotated[SecretStr, BeforeValidator(_hash)]
"""A bcrypt hash, as kept secret as the password: it can be guessed from it at leisure."""

Header = Annotated[str, BeforeValidator(_header)]
"""What a response header says."""


class Headers(Item):
    """Headers that are added to every response."""

    content_security_policy: Header | None = Field(None, alias="Content-Security-Policy")
    x_frame_options: Literal["deny", "sameorigin"] | None = Field(None, alias="X-Frame-Options")
    x_content_type_options: Literal["nosniff"] | None = Field(None, alias="X-Content-Type-Options")
    x_xss_protection: Header | None = Field(None, alias="X-XSS-Protection")
    strict_transport_security: Header | None = Field(None, alias="Strict-Transport-Security")


class HttpServer(Item):
    """`http_server_config`: how HTTP is spoken."""

    http2: Truth = False
    headers: Headers = Headers()

    @field_validator("http2")
    @classmethod
    def _is_not_spoken(cls, value: object) -> object:
        if value:
            msg = "HTTP/2 is not spoken here: 'true'; write false, or leave it out"
            raise ValueError(msg)
        return value


class WebConfig(Item):
    """The whole file; without a part of it, that protection is not there."""

    tls_server_config: Tls | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[str, Hash] = Field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every response."""
        return self.http_server_config.headers.model_dump(by_alias=True, exclude_none=True)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it names, each of which may change."""
        tls = self.tls_server_config
        named = (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ()
        return tuple(it for it in named if it)

    @property
    def knows_its_clients(self) -> bool:
        """Whether everybody has to say who they are."""
        tls = self.tls_server_config
        by_certificate = tls and tls.client_auth_type == "RequireAndVerifyClientCert"
        return bool(self.basic_auth_users or by_certificate)


def load_web(path: Path) -> WebConfig:
    """Read a web configuration with the certificates that it names.

    Raises:
        ConfigError: with every mistake in it, at once.

    """
    document = Document(path, _FORM)
    config = None
    if read(document, path):
        _check_users(document)
        config = validate(document, WebConfig, (), document.data)
    problems = document.problems()
    if problems or config is None:
        raise ConfigError(problems)
    return config


def _check_users(document: Document) -> None:
    """Report what cannot be a user's name; `{NAME:HASH}` is one, so that none is quoted."""
    users = document.data.get(_USERS)
    for name in users if isinstance(users, dict) else ():
        loc = (_USERS, name)
        if not _USER.fullmatch(name):
            msg = "not a user's name; write NAME: HASH, a blank after the colon, no blank or $ "
            document.report(loc, msg + "in the name")
        if not _USER.fullmatch(name) or document.is_unreadable(loc):
            document.unknown.add(loc)
