"""What the agent says of itself to machines: its configuration, and how to scrape it."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel, SecretBytes, SecretStr

from collectors.fields import join_address, split_address
from config.agent import AgentConfig, Listen, Node
from config.policy import Policy, Rule

SECRET = "<secret>"  # noqa: S105 - what stands for one
_PORTS = {"http": 80, "https": 443}


def configuration(config: AgentConfig) -> str:
    """Write all that is in force as JSON, defaults included, what is absent left out.

    The keys are the fields' names, which carry their units: `interval_s` where a file has
    `interval`. No secret is shown.
    """
    return json.dumps(_plain(config), ensure_ascii=False, indent=2) + "\n"


def scrape_target(node: Node, listen: Listen, scheme: str, asked: str) -> list[dict[str, object]]:
    """Describe this agent for http_sd; `asked` is the address at which the asker found it.

    That, since an agent that listens on 0.0.0.0 does not know what others call it.
    """
    labels = {
        "__scheme__": scheme,
        "__metrics_path__": "/metrics",
        "instance": node.name,
        "department": node.department,
        "region": node.region,
        "level": node.level,
    }
    given = {name: value for name, value in labels.items() if value is not None}
    return [{"targets": [_address(asked, scheme) or str(listen)], "labels": given}]


def _address(asked: str, scheme: str) -> str | None:
    try:
        host, port = split_address(asked)
    except ValueError:
        return None
    return join_address(host, port or _PORTS[scheme])


def _plain(value: object) -> object:
    """Make it of what JSON knows; a type that is not thought of is written as text."""
    if isinstance(value, SecretStr | SecretBytes):
        return SECRET
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    if isinstance(value, tuple | list):
        return [_plain(it) for it in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    parts = _parts(value)
    if parts is None:
        return str(value)
    return {str(name): _plain(it) for name, it in parts.items() if it is not None}


def _parts(value: object) -> Mapping[str, object] | None:
    """Return what it consists of; None if it is better written as text."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return dict(value)
    if isinstance(value, Listen | Rule) or not is_dataclass(value):
        return None
    parts = {it.name: getattr(value, it.name) for it in fields(value)}
    return {"hash": value.hash, **parts} if isinstance(value, Policy) else parts
