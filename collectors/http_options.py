"""What an operator says of an HTTP probe: what to ask for, and what makes an answer right."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from yarl import URL

from collectors.fields import Host, seen, split_address
from collectors.patterns import Pattern
from collectors.probe import Probe
from collectors.secrets import Secret
from collectors.tls_options import TlsOptions

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_OWN = {"host", "authorization", "content-length", "transfer-encoding", "accept-encoding"}
_MANY_BYTES = 64 * 2**20


def _url(value: object) -> object:
    """Check a URL; no message quotes what may hold a password."""
    if not isinstance(value, str):
        return value
    try:
        url = URL(value)
        split_address(url.raw_host or "")
    except ValueError:
        msg = "not an URL of http or https; write it in full, as https://portal.example.org/login"
        raise ValueError(msg) from None
    if url.scheme not in {"http", "https"} or url.port == 0 or re.search(r"\s", value):
        msg = f"not an URL of http or https: {seen(value)}; write https://portal.example.org/login"
        raise ValueError(msg)
    if url.user is not None or url.password is not None:
        msg = "a user is not written into an URL; write basic_auth: {user: …, password: {file: …}}"
        raise ValueError(msg)
    return str(url.with_fragment(None))


def _status(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[1-5](?:\d\d|xx)", value):
        msg = f"not a status: {seen(value)}; write three digits or a class, as 200 or 2xx"
        raise ValueError(msg)
    return value


def _header(value: object) -> object:
    if isinstance(value, str) and not _TOKEN.fullmatch(value):
        msg = f"not the name of a header: {seen(value)}; write it as Accept-Language"
        raise ValueError(msg)
    return value


def _to_send(value: object) -> object:
    name = _header(value)
    if isinstance(name, str) and name.lower() in _OWN:
        msg = f"not a header to be written here: {name}; it follows from url, body, basic_auth, "
        msg += "bearer and compression"
        raise ValueError(msg)
    return name


def _line(value: object) -> object:
    if isinstance(value, str) and re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        msg = "more than one line; the value of a header is one line"
        raise ValueError(msg)
    return value


Url = Annotated[str, BeforeValidator(_url)]
Status = Annotated[str, BeforeValidator(_status)]
HeaderName = Annotated[str, BeforeValidator(_header)]
SentHeader = Annotated[str, BeforeValidator(_to_send)]
Line = Annotated[str, BeforeValidator(_line)]


class BasicAuth(BaseModel):
    """A user as RFC 7617 has it: in the clear but for TLS."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    user: str = Field(pattern="^[^:]+$", examples=["monitor"])
    password: Secret = Field(examples=["{file: portal.password}"])


class HttpTarget(TlsOptions, Probe):
    """Options of `kind: http`.

    `address` is the host of `url` unless given: then that server is asked for the URL, whose host
    is still the name in the request and, without `server_name`, in the certificate.
    """

    address: Host = ""
    url: Url = Field(examples=["https://portal.example.org/"])
    method: Literal["GET", "HEAD", "POST"] = "GET"
    body: str | None = None
    headers: dict[SentHeader, Line] = Field(default_factory=dict)
    secret_headers: dict[SentHeader, Secret] = Field(default_factory=dict)
    basic_auth: BasicAuth | None = None
    bearer: Secret | None = None
    compression: Literal["gzip", "deflate"] | None = None
    redirects: int = Field(5, ge=0, le=20)
    status: tuple[Status, ...] = ("2xx",)
    versions: tuple[Literal["1.0", "1.1"], ...] = ("1.0", "1.1")
    header_matches: dict[HeaderName, Pattern] = Field(default_factory=dict)
    header_lacks: dict[HeaderName, Pattern] = Field(default_factory=dict)
    body_matches: tuple[Pattern, ...] = ()
    body_lacks: tuple[Pattern, ...] = ()
    body_limit_bytes: int = Field(8 * 2**20, ge=1, le=_MANY_BYTES)

    @model_validator(mode="before")
    @classmethod
    def _address_is_the_urls_host(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "address" in data or not isinstance(data.get("url"), str):
            return data
        try:
            host = URL(data["url"]).raw_host
        except ValueError:
            host = None
        return {**data, "address": host} if host else data  # what is wrong is said of the URL

    @field_validator("status", "versions")
    @classmethod
    def _names_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            msg = "an empty list: no answer could be right; name at least one"
            raise ValueError(msg)
        return value

    @field_validator("secret_headers")
    @classmethod
    def _is_a_line(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for secret in value.values():
            _line(secret.get_secret_value())
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.body is not None and self.method != "POST":
            msg = f"a body is sent with POST, not with {self.method}; write method: POST"
            raise ValueError(msg)
        if self.basic_auth and self.bearer:
            msg = "both basic_auth and bearer; a request has one Authorization: leave one out"
            raise ValueError(msg)
        if self.method == "HEAD" and (self.body_matches or self.body_lacks):
            msg = "HEAD is answered without a body; write method: GET to look into it"
            raise ValueError(msg)
        return self

    def expects(self, status: int) -> bool:
        """Whether it is one of those, or of a class of those, that make an answer right."""
        return not {str(status), f"{status // 100}xx"}.isdisjoint(self.status)
