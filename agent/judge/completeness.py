"""How much of what reports need is declared of a network, and what is missing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from config.inventory import Link, Network
from config.register import Filing


class Completeness(NamedTuple):
    """Fields that are filled of those that are needed; the missing ones by the keys of YAML."""

    network: str
    needed: int
    missing: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Share of the needed fields that are filled, 0 to 1."""
        return 1 - len(self.missing) / self.needed


def completeness(network: Network, links: Iterable[Link]) -> Completeness:
    """Score a network: its own fields, and those of each of its lines.

    Only a dedicated network is filed, planned and paid for as a project; of any other the register
    needs its title and owner, and the same of its lines. A network without a line lacks one: it
    cannot be judged. Of a classified one no line may be declared, so none is missing.
    """
    fields = dict(_of_network(network))
    links = tuple(links)
    for link in links:
        fields |= {f"links[{link.name}].{key}": there for key, there in _of_link(link)}
    if not network.classified:
        fields["links"] = bool(links)
    missing = tuple(key for key, there in fields.items() if not there)
    return Completeness(network.name, len(fields), missing)


def links_of(
    networks: Iterable[Network], links: Iterable[Link]
) -> Iterator[tuple[Network, list[Link]]]:
    """Each network with its lines."""
    found: defaultdict[str, list[Link]] = defaultdict(list)
    for link in links:
        found[link.network].append(link)
    for network in networks:
        yield network, found[network.name]


def _of_network(network: Network) -> Iterator[tuple[str, bool]]:
    yield "title", network.title is not None
    yield "owner", network.owner is not None
    if network.kind != "dedicated":
        return
    yield "department_code", network.department_code is not None
    yield "region", network.region is not None
    yield "destination", network.destination is not None
    yield "outcome", network.outcome is not None
    yield "annual_cost_yuan", network.annual_cost_yuan is not None
    yield "phase", network.phase is not None
    end = "interconnected" if network.outcome == "interconnect" else "cut_over"
    yield f"plan.{end}", getattr(network.plan, end) is not None
    yield from _of_filing(network)
    protection = network.protection
    for key in ("level", "number", "assessed_on", "expires_on"):
        yield f"protection.{key}", protection is not None and getattr(protection, key) is not None


def _of_filing(network: Network) -> Iterator[tuple[str, bool]]:
    filing = network.filing
    for key in Filing.model_fields:
        yield f"filing.{key}", filing is not None and getattr(filing, key) is not None


def _of_link(link: Link) -> Iterator[tuple[str, bool]]:
    for key in ("number", "carrier", "line_type", "annual_cost_yuan", "contract_end"):
        yield key, getattr(link, key) is not None
    yield "bandwidth", link.bandwidth_bps is not None
