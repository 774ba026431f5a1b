"""Credentials: what SNMP devices are shown, by the name that devices give."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from collectors.fields import Name
from collectors.secrets import Passphrase, Secret
from collectors.snmp.credential import (
    MAX_USER_OCTETS,
    AuthProtocol,
    Community,
    Credential,
    PrivProtocol,
    User,
)
from config.fields import Item, Text


def _version(value: object) -> object:
    if value == "1":
        msg = "SNMP version '1' is not spoken here; write version: 3, or 2c with a waiver"
        raise ValueError(msg)
    return value


class Auth(Item):
    """How a v3 user signs its messages."""

    protocol: AuthProtocol = Field(examples=["SHA-256"])
    secret: Passphrase = Field(examples=["{file: auth.key}"])


class Priv(Item):
    """How a v3 user encrypts its messages."""

    protocol: PrivProtocol = Field(examples=["AES-128"])
    secret: Passphrase = Field(examples=["{file: priv.key}"])


class NamedCredential(Item):
    """A community (2c) or a user (3)."""

    name: Name = Field(examples=["v3"])
    version: Annotated[Literal["2c", "3"], BeforeValidator(_version)] = Field(examples=["3"])
    community: Secret | None = Field(None, validate_default=True)
    user: Text | None = Field(None, validate_default=True)
    auth: Auth | None = Field(None, validate_default=True)
    priv: Priv | None = Field(None, validate_default=True)

    @field_validator("community")
    @classmethod
    def _only_in_2c(cls, value: object, info: ValidationInfo) -> object:
        version = info.data.get("version")
        if version == "2c" and value is None:
            msg = "missing; write it, as community: {file: community.key}"
            raise ValueError(msg)
        if version == "3" and value is not None:
            msg = "version 3 knows no community; write user, auth and priv"
            raise ValueError(msg)
        return value

    @field_validator("user", "auth", "priv")
    @classmethod
    def _only_in_3(cls, value: object, info: ValidationInfo) -> object:
        version = info.data.get("version")
        if version == "2c" and value is not None:
            msg = f"version 2c knows no {info.field_name}; write community, or version: 3"
            raise ValueError(msg)
        if version == "3" and value is None and info.field_name == "user":
            msg = "missing; write it, as user: monitor"
            raise ValueError(msg)
        return value

    @field_validator("user")
    @classmethod
    def _fits_a_device(cls, user: str | None) -> str | None:
        if user and (octets := len(user.encode())) > MAX_USER_OCTETS:
            msg = (
                f"{octets} octets; SNMPv3 takes at most {MAX_USER_OCTETS}: no device has this user"
            )
            raise ValueError(msg)
        return user

    @field_validator("priv")
    @classmethod
    def _priv_needs_auth(cls, priv: Priv | None, info: ValidationInfo) -> Priv | None:
        if priv and info.data.get("version") == "3" and info.data.get("auth", priv) is None:
            msg = "encryption without authentication; write auth: {protocol: …, secret: …} too"
            raise ValueError(msg)
        return priv

    @property
    def credential(self) -> Credential:
        """What the collectors show a device."""
        if self.community is not None:
            return Community(self.community)
        return User(
            self.user or "",
            self.auth.protocol if self.auth else None,
            self.auth.secret if self.auth else None,
            self.priv.protocol if self.priv else None,
            self.priv.secret if self.priv else None,
        )

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read or forge messages: v3 with auth and priv."""
        return self.auth is not None and self.priv is not None
