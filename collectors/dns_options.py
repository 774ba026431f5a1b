"""What an operator says of a DNS probe: the question, and what makes an answer right."""

from typing import Annotated, Any, Literal

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype
from pydantic import BeforeValidator, Field, field_validator

from collectors.fields import Host, seen
from collectors.patterns import Pattern
from collectors.probe import Probe


def _question(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return dns.name.from_text(value).to_text()
    except (dns.exception.DNSException, UnicodeError):
        msg = f"not a domain name: {seen(value)}; write it as www.example.org"
        raise ValueError(msg) from None


def _type(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        kind = dns.rdatatype.from_text(value)
    except (dns.exception.DNSException, ValueError):
        kind = dns.rdatatype.NONE
    if kind == dns.rdatatype.NONE or dns.rdatatype.is_metatype(kind):
        msg = f"not a type of records: {seen(value)}; write one as A, AAAA, MX, NS, SOA or TXT"
        raise ValueError(msg)
    return dns.rdatatype.to_text(kind)


def _rcode(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return dns.rcode.to_text(dns.rcode.from_text(value))
    except (dns.exception.DNSException, ValueError):
        msg = f"not a response code: {seen(value)}; write one as NOERROR, NXDOMAIN or REFUSED"
        raise ValueError(msg) from None


Question = Annotated[str, BeforeValidator(_question)]
Type = Annotated[str, BeforeValidator(_type)]
Rcode = Annotated[str, BeforeValidator(_rcode)]


class DnsTarget(Probe):
    """Options of `kind: dns`; `address` is the server that is asked.

    A record is matched as `www.example.org. 300 IN A 198.51.100.1`.
    """

    address: Host
    port: int = Field(53, ge=1, le=65535)
    query: Question = Field(examples=["www.example.org"])
    type: Type = "A"
    transport: Literal["udp", "tcp"] = "udp"
    tcp_if_truncated: bool = False
    recursion: bool = True
    edns: bool = True
    authenticated: bool = False
    rcode: tuple[Rcode, ...] = ("NOERROR",)
    least_answers: int = Field(1, ge=0)
    answers_match: tuple[Pattern, ...] = ()
    answers_lack: tuple[Pattern, ...] = ()
    every_answer: Pattern | None = None

    @field_validator("rcode")
    @classmethod
    def _names_one(cls, value: Any) -> Any:
        if not value:
            msg = "an empty list: no answer could be right; name at least one"
            raise ValueError(msg)
        return value

    @field_validator("authenticated")
    @classmethod
    def _needs_edns(cls, value: Any, info: Any) -> Any:
        if value and info.data.get("edns") is False:
            msg = "DNSSEC is asked for with EDNS (RFC 3225); leave out edns: false"
            raise ValueError(msg)
        return value
