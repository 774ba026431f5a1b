"""A document -> YAML that the reader takes back as it was; the only place that writes YAML."""

from collections.abc import Mapping

import yaml

from config.document import Raw


def as_yaml(data: Mapping[str, Raw], head: str) -> str:
    """Write sections under a head of comment lines; what is empty is left out.

    Everything is a text, quoted where YAML would make something else of it, as of 010000.
    """
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    sections = {name: rows for name, rows in data.items() if rows}
    body = yaml.safe_dump(sections, allow_unicode=True, sort_keys=False, width=100)
    return comment + (body if sections else "")
