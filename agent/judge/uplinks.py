"""Whether the uplinks of a network fail together."""

from collections.abc import Mapping

from config.inventory import Link, Network


def shared_uplinks(network: Network, links: Mapping[str, Link]) -> dict[str, str | None]:
    """What all uplinks of a network share: by `device` and `carrier`, its name or None.

    Nothing is said of one uplink alone, though named twice, nor where it is not declared of each.
    """
    its = [links[name] for name in dict.fromkeys(network.uplinks)]
    places = [link.interface.device or "this host" for link in its]
    carriers = [link.carrier for link in its]
    found: dict[str, str | None] = {}
    for what, names in (("device", places), ("carrier", carriers)):
        if len(its) > 1 and None not in names:
            found[what] = names[0] if len(set(names)) == 1 else None
    return found
