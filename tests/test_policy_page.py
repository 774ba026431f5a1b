"""What docs/policy.md says, in both languages, is what the policy, the program and the tests do.

`python -m tests.test_policy_page` writes what its commands print now into both pages.
"""

import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import click
import numpy as np
import pytest
import yaml

from agent.cli import netfold
from tests import test_verdict as verdicts
from tests.pages import BLOCK, assert_twins, codes, numbers, rows, sections

ROOT = Path(__file__).parents[1]
FILES = (ROOT / "docs" / "policy.md", ROOT / "docs" / "policy.zh-CN.md")
ENGLISH, CHINESE = (it.read_text(encoding="utf-8") for it in FILES)
PAGES = [pytest.param(ENGLISH, id="en"), pytest.param(CHINESE, id="zh")]

NETFOLD = 'netfold() { "$PYTHON" -m agent "$@"; }\n'


def told(page: str) -> Counter[tuple[str, str]]:
    """Key and number of each row that begins with a key of the policy."""
    found: Counter[tuple[str, str]] = Counter()
    for key, number, *_ in rows(page):
        if re.fullmatch(r"`(links|servers|systems|calendar|right_sizing|phases|plan)\.\w+`", key):
            found.update((key.strip("`"), it) for it in codes(number))
    return found


def in_force() -> Counter[tuple[str, str]]:
    """The same of the policy that is shipped, as it is written there."""
    text = (ROOT / "config" / "policy.yaml").read_text(encoding="utf-8")
    return Counter(
        (f"{section}.{name}", written(it))
        for section, keys in yaml.safe_load(text).items()
        for name, value in keys.items()
        for it in (value if isinstance(value, list) else [value])
    )


def written(value: object) -> str:
    """A number or a rule as YAML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {it}" for key, it in value.items()) + "}"
    return str(value)


def run(command: str, folder: Path) -> str:
    """What a shell in `folder` prints, `netfold` being this tree's."""
    done = subprocess.run(
        ["/bin/sh", "-c", NETFOLD + command],
        cwd=folder,
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.stdout.decode()


def refreshed(page: str, folder: Path) -> str:
    """The page with what each of its commands prints now; its files are made in `folder`."""

    def now(match: re.Match[str]) -> str:
        indent, kind, text = match[1], match[2], textwrap.dedent(match[3])
        if kind == "yaml":
            name = text.split("\n")[0].removeprefix("# ")
            (folder / name).write_text(text, encoding="utf-8")
        elif kind == "sh":
            assert run(text, folder) == ""
        else:
            commands = [line for line in text.splitlines() if line.startswith("$ ")]
            answers = [f"{it}\n{run(it.removeprefix('$ '), folder)}" for it in commands]
            text = "".join(answers)
        return f"{indent}```{kind}\n{textwrap.indent(text, indent)}{indent}```"

    return BLOCK.sub(now, page)


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_the_policy_is_told_and_no_other(page: str) -> None:
    assert told(page) == in_force()


@pytest.mark.parametrize("page", PAGES)
def test_numbers_beside_the_policy_are_those_of_the_program(page: str) -> None:
    found = 0
    for cell, number, *_ in rows(page):
        if match := re.fullmatch(r"`((?:agent|collectors)[\w.]+)\.(\w+)`", cell):
            assert getattr(importlib.import_module(match[1]), match[2]) == float(number), cell
            found += 1
    assert found == 6


def test_every_command_answers_as_shown(tmp_path: Path) -> None:
    assert refreshed(ENGLISH, tmp_path) == ENGLISH


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_in_the_text_is_one(page: str) -> None:
    named = [it for it in codes(page) if it.startswith("netfold ")]
    assert len(named) >= 3
    for text in named:
        command: click.Command | None = netfold
        _, *args = shlex.split(text)
        while isinstance(command, click.Group):
            name = args.pop(0)
            command = command.get_command(click.Context(command), name)
        assert command, text
        command.make_context(text, args)


def test_bits_that_crossed_unseen_leave_room_for_so_many_ticks_as_shown() -> None:
    number = np.arange(verdicts.TICKS)
    daily = verdicts.line(verdicts.during(number % verdicts.DAY < 12, 20e6, 3e3))
    share = verdicts.unseen(daily, 4050, 4129, bits=7.2e9).time_above("load", 0.10)
    assert (share.lower * verdicts.TICKS, share.upper * verdicts.TICKS) == (360, 362)
    assert "| 360 / 8640 = 4.17 % | (360 + 2) / 8640 = 4.19 % | holds |" in ENGLISH


def cases(page: str) -> list[tuple[str, str]]:
    """Each worked case of the page, by its name in the tests, with its verdict."""
    last = list(rows(page[page.rindex("\n## ") :]))[2:]
    return [(row[-2], row[-1].strip("`")) for row in last]


@pytest.mark.parametrize("page", PAGES)
def test_the_worked_cases_are_those_of_the_tests(page: str) -> None:
    (table,) = verdicts.test_worked_cases_of_a_line.pytestmark
    tabled = [(it.id, it.values[1]) for it in table.args[1]]
    shown = cases(page)
    assert shown[: len(tabled)] == tabled
    alone = {
        name: inspect.getsource(test)
        for name, test in vars(verdicts).items()
        if name.startswith("test_worked_case_")
    }
    named = {re.sub(r"\W+", "_", case): status for case, status in shown[len(tabled) :]}
    assert {f"test_worked_case_{it}" for it in named} == set(alone)
    for name, status in named.items():
        assert f'"{status}"' in alone[f"test_worked_case_{name}"]


def test_both_languages_have_the_same_sections_blocks_tables_codes_and_numbers() -> None:
    assert_twins(ENGLISH, CHINESE)
    for one, other in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert numbers(one) == numbers(other), one.strip()[:60]


if __name__ == "__main__":
    for file in FILES:
        with tempfile.TemporaryDirectory() as made:
            text = refreshed(file.read_text(encoding="utf-8"), Path(made))
            file.write_text(text, encoding="utf-8")
