"""What of this node's figures may leave in bundles (`netfold bundle create`)."""

from collections.abc import Mapping
from typing import Literal, get_args

from config.fields import Item

Redactable = Literal[
    "links",
    "groups",
    "networks",
    "servers",
    "systems",
    "probes",
    "pairs",
    "data_centres",
    "titles",
    "carriers",
    "numbers",
    "costs",
    "owners",
]
FIELDS: tuple[Redactable, ...] = get_args(Redactable)
FACTS: tuple[Redactable, ...] = ("titles", "carriers", "numbers", "costs", "owners")
"""These are left out; the others are names, and pseudonyms stand for them."""

NAMES: Mapping[str, str] = {it: it.removesuffix("s") for it in FIELDS if it not in FACTS}
"""What each of the others is the name of."""


class Bundles(Item):
    """Which fields are redacted; None: all where a network is classified, else none."""

    redact: tuple[Redactable, ...] | None = None
