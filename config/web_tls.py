"""`tls_server_config` of a web configuration, and the TLS context that it comes to.

Words, defaults and meaning are those of Prometheus's exporter-toolkit; what Python's ssl cannot do
is refused, never passed over.
"""

import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from collectors.fields import seen
from collectors.files import FilePath
from collectors.pem import check_readable, load_certificates, load_pair
from config.fields import Item, Text, Truth

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_WEAK_VERSIONS = {"TLS10", "TLS11"}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}
_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Go's names and OpenSSL's: those of TLS 1.2 that keep secrets when the key is lost later."""
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}


def _version(value: object) -> object:
    if value in _WEAK_VERSIONS:
        msg = f"a weak protocol: {value} (RFC 8996 forbids it); write TLS12 or TLS13"
        raise ValueError(msg)
    return value


def _client_auth(value: object) -> object:
    if value in _UNVERIFIED:
        msg = f"not possible here: {value} takes certificates that nobody verifies; write "
        raise ValueError(
            msg + "RequireAndVerifyClientCert, VerifyClientCertIfGiven or NoClientCert"
        )
    return value


def _suite(value: object) -> object:
    if isinstance(value, str) and value not in _SUITES:
        msg = f"a weak or unknown cipher suite: {seen(value)}; of TLS 1.2 write "
        msg += "TLS_ECDHE_(RSA or ECDSA)_WITH_(AES_128_GCM_SHA256, AES_256_GCM_SHA384 or "
        raise ValueError(msg + "CHACHA20_POLY1305_SHA256)")
    return value


def _path(value: object) -> object:
    if isinstance(value, str) and "-----" in value:
        msg = "the text of a key or certificate stands here; put it into a file and write its path"
        raise ValueError(msg)
    return value


PemFile = Annotated[FilePath, BeforeValidator(_path)]
Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_version)]
ClientAuth = Annotated[
    Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
    BeforeValidator(_client_auth),
]
Suite = Annotated[str, BeforeValidator(_suite)]
Curve = Literal["CurveP256", "CurveP384", "CurveP521"]


class Tls(Item):
    """What the endpoint shows its clients, and asks of them."""

    cert_file: PemFile = Field(examples=["server.crt"])
    key_file: PemFile = Field(examples=["server.key"])
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: PemFile | None = Field(None, validate_default=True)
    client_allowed_sans: tuple[Text, ...] = ()
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Suite, ...] = ()
    prefer_server_cipher_suites: Truth = True
    curve_preferences: tuple[Curve, ...] = ()
    _context: ssl.SSLContext = PrivateAttr()

    @field_validator("cert_file", "client_ca_file")
    @classmethod
    def _holds_certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            load_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), value)
        return value

    @field_validator("key_file")
    @classmethod
    def _belongs_to_the_certificate(cls, value: Path, info: ValidationInfo) -> Path:
        check_readable(value)
        if "cert_file" in info.data:
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), info.data["cert_file"], value)
        return value

    @field_validator("client_ca_file")
    @classmethod
    def _goes_with_client_auth(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        asked = info.data.get("client_auth_type")
        if value is None and asked not in {None, "NoClientCert"}:
            msg = f"missing, but {asked} needs to know who signs clients; "
            raise ValueError(msg + "write it, as client_ca_file: clients.crt")
        if value is not None and asked == "NoClientCert":
            msg = "without effect: client_auth_type is NoClientCert; "
            raise ValueError(msg + "write client_auth_type: RequireAndVerifyClientCert")
        return value

    @field_validator("client_allowed_sans")
    @classmethod
    def _need_a_certificate(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        asked = info.data.get("client_auth_type", "RequireAndVerifyClientCert")
        if asked != "RequireAndVerifyClientCert":
            msg = f"not sure to be met: client_auth_type is {asked}; "
            raise ValueError(msg + "write client_auth_type: RequireAndVerifyClientCert")
        if not value:
            msg = "an empty list, which would let nobody in; name a client, or leave it out"
            raise ValueError(msg)
        return value

    @field_validator("max_version")
    @classmethod
    def _not_below_the_minimum(cls, value: str, info: ValidationInfo) -> str:
        if value < info.data.get("min_version", value):
            msg = f"below min_version: {value} of {info.data['min_version']}; write TLS13"
            raise ValueError(msg)
        return value

    @field_validator("cipher_suites")
    @classmethod
    def _only_of_tls_1_2(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("min_version") == "TLS13":
            msg = "without effect: TLS 1.3 chooses among its own; leave it out, or write "
            raise ValueError(msg + "min_version: TLS12")
        return value

    @field_validator("curve_preferences")
    @classmethod
    def _one_curve(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1:
            msg = f"more than one curve: {', '.join(value)}; Python's ssl takes one, or with none "
            raise ValueError(msg + "written all that OpenSSL has, X25519 first")
        return value

    @model_validator(mode="after")
    def _comes_to_a_context(self) -> Self:
        self._context = _context_of(self)
        return self

    @property
    def context(self) -> ssl.SSLContext:
        """What shakes hands as this says, with the files as they were when it was read."""
        return self._context


def _context_of(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.cipher_suites:
        context.set_ciphers(":".join(_SUITES[it] for it in tls.cipher_suites))
    for curve in tls.curve_preferences:
        context.set_ecdh_curve(_CURVES[curve])
    load_pair(context, tls.cert_file, tls.key_file)
    if tls.client_ca_file:
        load_certificates(context, tls.client_ca_file)
    context.verify_mode = _VERIFY[tls.client_auth_type]
    return context
