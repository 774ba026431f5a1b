"""Regions by their GB/T 2260 codes: of which level one is, and what it lies in."""

from config.register import Level

LEVELS: tuple[Level, ...] = ("central", "province", "city", "county", "township")


def level_of(region: str) -> Level:
    """The level of a code of 6 or 12 digits; villages and communities count as townships."""
    if region[6:].strip("0"):
        return "township"
    if region[4:6] != "00":
        return "county"
    return "province" if region[2:4] == "00" else "city"


def plain(region: str) -> str:
    """One form for a region that may be written with 6 digits or with 12."""
    return region if region[6:].strip("0") else region[:6]


def around(region: str) -> tuple[str, ...]:
    """The region itself and all that it lies in, the largest first."""
    parts = [f"{region[:2]}0000", f"{region[:4]}00", region[:6]]
    if region[6:].strip("0"):
        parts += [f"{region[:9]}000", region]
    return tuple(dict.fromkeys(parts))
