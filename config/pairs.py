"""Pairs of probes: one service over an old and a new path, to be measured in the same second."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from collectors.base import Target
from collectors.fields import Name, seen
from collectors.probe import Probe
from config.document import Document, text
from config.fields import Item
from config.inventory import NetworkName, ProbeName

_WAYS = ("address", "source", "source_interface")
_MAY_DIFFER = {*_WAYS, "name", "network", "purpose", "family", "ca"}

PathKey = tuple[str, str]
"""Kind and name of a probe."""


class Pair(Item):
    """Two probes that are alike but for their way; `network` is the one whose move they judge."""

    name: Name = Field(examples=["portal"])
    network: NetworkName = Field(examples=["edu"])
    old: ProbeName = Field(examples=["portal-old"])
    new: ProbeName = Field(examples=["portal-new"])


def places(pairs: Iterable[Pair], probes: Iterable[Target]) -> dict[PathKey, PathKey]:
    """Whose place in the interval a paired probe takes: all that hang together have one."""
    kinds = {it.name: it.kind for it in probes}
    found: dict[PathKey, PathKey] = {}
    for pair in pairs:
        old, new = ((kinds[it], it) for it in (pair.old, pair.new))
        first, other = found.get(old, old), found.get(new, new)
        with_other = [key for key, place in found.items() if place == other]
        found |= dict.fromkeys((old, new, *with_other), first)
    return found


def check_pairs(document: Document, probes: Iterable[Target]) -> None:
    """Report every pair whose probes do not measure the same thing by two ways."""
    known = {it.name: it for it in probes}
    for loc, row in document.rows("pairs"):
        old, new = (known.get(text(row, key) or "") for key in ("old", "new"))
        if old is not None and new is not None:
            for problem in _problems(old, new):
                document.report((*loc, "new"), problem)


def _problems(old: Target, new: Target) -> Iterator[str]:
    canaries = [it for it in (old, new) if isinstance(it, Probe) and it.expect == "unreachable"]
    if canaries:
        msg = f"{seen(canaries[0].name)} must not answer (expect: unreachable): it has no times; "
        yield msg + "pair probes that are to answer"
        return
    if old.kind != new.kind:
        msg = f"{seen(new.name)} is of kind {new.kind}, {seen(old.name)} of kind {old.kind}; "
        yield msg + "pair probes of one kind"
        return
    one, other = _written(old), _written(new)
    unlike = [it for it in one if it not in _MAY_DIFFER and one[it] != other[it]]
    if unlike:
        msg = f"{seen(new.name)} and {seen(old.name)} differ in {', '.join(unlike)}; "
        yield msg + "let them differ in address, source or source_interface alone"
    if all(one.get(it) == other.get(it) for it in _WAYS):
        msg = f"{seen(new.name)} takes the same way as {seen(old.name)}; "
        yield msg + "write another address, source or source_interface"


def _written(target: Target) -> Mapping[str, object]:
    """The options by the words of YAML."""
    fields = type(target).model_fields
    return {it.alias or name: getattr(target, name) for name, it in fields.items()}
