"""What must not leave: names under pseudonyms, other facts left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.bundle.errors import BundleError
from agent.bundle.keys import PrivateKey
from config.agent import AgentConfig
from config.bundles import FACTS, FIELDS, NAMES, Redactable
from config.problems import hint

NONE, ALL = "none", "all"
_SHORTEST = 3
"""Names of fewer characters are found in nearly every text."""

_FACTS: Mapping[str, Sequence[str]] = {
    "titles": ("title",),
    "carriers": ("carrier", "line_type"),  # free text both
    "numbers": ("number",),
    "costs": ("annual_cost_yuan", "annual_saving_yuan", "double_running_cost_yuan"),
    "owners": ("owner", "region", "level", "used_by", "use_frequency"),
}
"""The keys that each fact stands under, wherever it does."""


def fields(words: str | None, config: AgentConfig) -> tuple[Redactable, ...]:
    """What is to be redacted: by the option, else by the configuration.

    Where that says nothing either, it is all of it if a network is classified, else nothing.

    Raises:
        BundleError: a word is none of those that there are.
    """
    if words is None:
        if config.bundles.redact is not None:
            return _in_order(config.bundles.redact)
        return FIELDS if any(it.classified for it in config.networks) else ()
    said = {it.strip() for it in words.split(",")}
    if said in ({NONE}, {ALL}):
        return FIELDS if said == {ALL} else ()
    for word in sorted(said - set(FIELDS)):
        meant = hint(word, FIELDS, "there are {}")
        msg = f"--redact: not a field: {word!r}; {meant}; or write {ALL} or {NONE} alone "
        msg += "(addresses, devices and interfaces never leave)"
        raise BundleError(msg)
    return _in_order(said)


class Redaction:
    """What stands for each name, and which facts are left out."""

    def __init__(self, redacted: Sequence[Redactable], key: PrivateKey) -> None:
        self.fields = tuple(redacted)
        self._key = key
        self._kinds = {NAMES[it] for it in redacted if it in NAMES}
        self._gone = {key for it in redacted if it in FACTS for key in _FACTS[it]}

    def name(self, kind: str, name: str) -> str:
        """What a name leaves as."""
        return self._key.pseudonym(kind, name) if kind in self._kinds else name

    def facts(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Facts without those that are left out."""
        return {key: it for key, it in said.items() if key not in self._gone}

    def verdict(self, said: Mapping[str, Any], groups: Iterable[str]) -> dict[str, Any]:
        """A verdict as `assess --json` has it; `groups` tell a network's units apart."""
        kind, known = said["kind"], set(groups)
        members = [self.name(_unit(kind, it, known), it) for it in said["members"]]
        shown = self.facts(said) | {"subject": self.name(kind, said["subject"]), "members": members}
        for part in ("right_size", "declared"):
            if part in shown:
                shown[part] = self.facts(shown[part])
        return shown

    def phase(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """A network's phases; what gates saw is text that may quote anything, and stays."""
        shown = self.facts(said) | {"network": self.name("network", said["network"])}
        if self.fields:
            kept = ("gate", "holds", "phases")
            shown["gates"] = [{key: gate[key] for key in kept} for gate in said["gates"]]
        return shown

    def refuse(self, name: str, config: AgentConfig) -> None:
        """Say no to a key whose name bears what is redacted: it is in every file's name.

        Raises:
            BundleError: it does.
        """
        for kind, its in names(config).items():
            for one in its if kind in self._kinds else ():
                if len(one) >= _SHORTEST and one in name:
                    msg = f"the key is called {name!r}, which bears {one!r}, the name of a {kind} "
                    msg += "that must not leave; make a key with netfold bundle key --name"
                    raise BundleError(msg)


def names(config: AgentConfig) -> dict[str, list[str]]:
    """All names of a configuration that a bundle may bear, by kind."""
    centres = {it.data_centre for it in config.servers if it.data_centre}
    return {
        "link": [it.name for it in config.links],
        "group": [it.name for it in config.groups],
        "network": [it.name for it in config.networks],
        "server": [it.name for it in config.servers],
        "system": [it.name for it in config.systems],
        "probe": [it.name for it in config.probes],
        "pair": [it.name for it in config.pairs],
        "data_centre": sorted(centres),
    }


def _unit(kind: str, member: str, groups: set[str]) -> str:
    return "group" if kind == "network" and member in groups else "link"


def _in_order(said: Iterable[str]) -> tuple[Redactable, ...]:
    known = set(said)
    return tuple(it for it in FIELDS if it in known)
