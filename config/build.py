"""A document -> the configuration; one item's mistakes do not hide those of another."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, Field, ValidationError

from collectors.base import Target, discover, find
from collectors.fields import seen
from collectors.probe import Probe
from config.agent import AgentConfig
from config.document import SECTIONS, Document, Loc, Raw, text
from config.expansion import expanded
from config.pairs import check_pairs
from config.problems import hint
from config.rules import check_rules
from config.shape import Spot, keys, walk
from config.validate import validate

_Names = Mapping[str, Mapping[str, Loc]]


class _UnknownKind(Probe, extra="ignore"):
    """What all probes share: as much as can be checked where the kind is not known."""

    kind: str = Field(examples=["icmp"])


def build(document: Document) -> AgentConfig | None:
    """Make the configuration; None, and the reasons reported, if it cannot be made."""
    made = items(document)
    top = {key: value for key, value in document.data.items() if key not in SECTIONS}
    return validate(document, AgentConfig, (), top, made)


def items(document: Document) -> dict[str, list[BaseModel]]:
    """Make the items of all sections, report what is wrong with them and between them."""
    names = {section: document.names(section) for section in SECTIONS}
    probes = {loc: expanded(document, loc, row) for loc, row in document.items("probes")}
    _name_expanded(document, names["probes"], probes)
    made: dict[str, list[BaseModel]] = {}
    for section in SECTIONS:
        for loc, row in document.items(section):
            model = _model(document, loc, row)
            _check_references(document, names, walk(model, row, loc))
            item = None
            for one in probes.get(loc, [row]):
                item = validate(document, model, loc, one)
                if item is not None:
                    made.setdefault(section, []).append(item)
            if section == "probes":
                _check_timeout(document, loc, row, item)
    for section in SECTIONS:
        document.check_names(section)
    check_rules(document, names["probes"])
    check_pairs(document, (it for it in made.get("probes", ()) if isinstance(it, Target)))
    return made


def _model(document: Document, loc: Loc, row: Raw) -> type[BaseModel]:
    """Return the model of an item: its section's, or for a probe that of its kind."""
    section = str(loc[0])
    if section != "probes":
        return keys(AgentConfig)[section].model or BaseModel
    kind = text(row, "kind") if isinstance(row, dict) else None
    if not kind:
        return _UnknownKind
    collector = find(kind)
    if collector and collector.probe:
        return collector.target
    kinds = [one.kind for one in discover() if one.probe]
    msg = f"not a kind of probe: {seen(kind)}; {hint(kind, kinds, 'there are {}')}"
    document.report((*loc, "kind"), msg)
    return _UnknownKind


def _check_references(document: Document, names: _Names, spots: Iterable[Spot]) -> None:
    for loc, value, _, key in spots:
        ref = key.ref if key else None
        if ref is None or not isinstance(value, str) or document.is_unreadable(loc):
            continue
        known = names[ref.section]
        if value not in known and ref.section not in document.unsure:
            msg = f"not found under {ref.section}: {seen(value)}"
            document.report(loc, f"{msg}; {hint(value, known, 'there are {}')}")


def _name_expanded(
    document: Document, names: dict[str, Loc], probes: Mapping[Loc, Iterable[Raw]]
) -> None:
    """Add the names of targets that no item bears itself; each target's is its own."""
    for loc, rows in probes.items():
        written = text(row, "name") if isinstance(row := document.value(loc), dict) else None
        for name in (text(it, "name") for it in rows if isinstance(it, dict)):
            if name and name != written and names.setdefault(name, loc) != loc:
                place = document.place((*names[name], "name"))
                msg = f"taken: {seen(name)}, which this comes to, is named at {place}; "
                document.report((*loc, "name"), f"{msg}choose another")


def _check_timeout(document: Document, loc: Loc, row: Raw, item: BaseModel | None) -> None:
    """A probe's round ends before its next; its kind's own options have no say in that."""
    try:
        # What has an address of its own making, as an URL's host, is only good as a whole.
        probe = item if isinstance(item, Target) else _UnknownKind.model_validate(row)
    except ValidationError:
        return  # said already
    if probe.timeout_s > probe.interval_s:
        msg = f"longer than the interval: {probe.timeout_s:g}s of {probe.interval_s:g}s"
        document.report((*loc, "timeout"), f"{msg}; write at most that")
