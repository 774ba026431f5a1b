"""How a Prometheus-compatible server lets itself be asked: for `assess --prometheus URL`."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from collectors.fields import seen
from collectors.secrets import Secret
from collectors.tls_options import TlsOptions
from config.fields import Text

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name):
        msg = f"not the name of a label: {seen(name)}; write one, as instance"
        raise ValueError(msg)
    return name


class PrometheusAccess(TlsOptions):
    """Who asks, and which series are this agent's; the certificate's options are those of TLS.

    `labels` are those that a server adds to an agent's own, where it holds links of the same name
    of several agents.
    """

    bearer: Secret | None = None
    user: Text | None = None
    password: Secret | None = None
    labels: dict[Annotated[str, AfterValidator(_label)], Text] = Field(
        default_factory=dict, examples=["{instance: sz-edu-01}"]
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.user is None) != (self.password is None):
            msg = "user and password belong together; write both, or none"
            raise ValueError(msg)
        if self.bearer and self.user:
            msg = "bearer and user exclude each other; write the one that the server asks for"
            raise ValueError(msg)
        return self

    @property
    def basic(self) -> tuple[str, SecretStr] | None:
        """User and password, where the server asks for them."""
        return (self.user, self.password) if self.user and self.password else None

    @property
    def is_secret(self) -> bool:
        """Whether something is sent that nobody on the way may read."""
        return self.bearer is not None or self.user is not None
