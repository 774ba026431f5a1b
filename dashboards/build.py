"""Writes dashboards/generated: `python -m dashboards.build`; `--check` finds what is old."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts import alerting_rules
from dashboards.boards.dedicated_networks import dedicated_networks
from dashboards.boards.migration_overview import migration_overview
from dashboards.rules import recording_rules

GENERATED = Path(__file__).parent / "generated"

HEAD = "# Written by `python -m dashboards.build` from the code; `make check` finds a difference.\n"


def files() -> dict[str, str]:
    """The text of every generated file, by its name."""
    return {
        "rules.yml": _yaml(recording_rules()),
        "alerts.yml": _yaml(alerting_rules()),
        "dedicated_networks.json": _json(dedicated_networks()),
        "migration_overview.json": _json(migration_overview()),
    }


def stale(folder: Path = GENERATED) -> list[str]:
    """Name the files that are missing or say something else, and those that nothing writes."""
    texts = {it.name: it.read_text(encoding="utf-8") for it in folder.iterdir()}
    wanted = files()
    names = sorted(texts.keys() | wanted.keys())
    return [name for name in names if texts.get(name) != wanted.get(name)]


def _yaml(content: dict[str, Any]) -> str:
    return HEAD + yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the files; 1 if one is out of date."""
    if arguments == ["--check"]:
        names = stale()
        for name in names:
            where = f"dashboards/generated/{name}"
            sys.stderr.write(f"{where} is out of date: run python -m dashboards.build\n")
        return int(bool(names))
    for name, text in files().items():
        (GENERATED / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
