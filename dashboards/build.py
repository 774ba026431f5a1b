"""Writes dashboards/generated: `python -m dashboards.build`; `--check` finds what is old.

Boards are written in every language, each in a folder of its own; `--language zh` writes one only.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from dashboards.alerts import alerting_rules
from dashboards.board_rules import board_rules
from dashboards.boards.agents import agents
from dashboards.boards.connectivity import connectivity
from dashboards.boards.dedicated_networks import dedicated_networks
from dashboards.boards.lines import lines
from dashboards.boards.migration_overview import migration_overview
from dashboards.boards.one_server import one_server
from dashboards.boards.servers import servers
from dashboards.boards.targets import targets
from dashboards.language import LANGUAGES, Language, in_language
from dashboards.rules import recording_rules

BOARDS: tuple[Callable[[], dict[str, Any]], ...] = (
    *(dedicated_networks, lines),
    migration_overview,
    *(connectivity, targets),
    *(servers, one_server),
    agents,
)
"""Each overview is followed by what it leads to."""

GENERATED = Path(__file__).parent / "generated"

HEAD = "# Written by `python -m dashboards.build` from the code; `make check` finds a difference.\n"


def files(languages: Sequence[Language] = LANGUAGES) -> dict[str, str]:
    """The text of every generated file, by its path in the folder."""
    found = {
        "rules.yml": _yaml(recording_rules()),
        "boards.yml": _yaml(board_rules()),
        "alerts.yml": _yaml(alerting_rules()),
    }
    for it in BOARDS:
        board = it()
        for language in languages:
            found[f"{language}/{it.__name__}.json"] = _json(in_language(board, language))
    return found


def stale(folder: Path = GENERATED) -> list[str]:
    """Name the files that are missing or say something else, and those that nothing writes."""
    texts = {
        it.relative_to(folder).as_posix(): it.read_text(encoding="utf-8")
        for it in folder.rglob("*")
        if it.is_file()
    }
    wanted = files()
    names = sorted(texts.keys() | wanted.keys())
    return [name for name in names if texts.get(name) != wanted.get(name)]


def _yaml(content: dict[str, Any]) -> str:
    return HEAD + yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the files; 1 if one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.build")
    parser.add_argument("--check", action="store_true", help="only say which files are old")
    parser.add_argument("--language", choices=LANGUAGES, help="boards in this one only")
    parser.add_argument("--to", type=Path, default=GENERATED, metavar="FOLDER")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        names = stale()
        for name in names:
            where = f"dashboards/generated/{name}"
            sys.stderr.write(f"{where} is out of date: run python -m dashboards.build\n")
        return int(bool(names))
    for name, text in files((chosen.language,) if chosen.language else LANGUAGES).items():
        path = chosen.to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
