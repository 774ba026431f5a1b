"""Tables as terminals of some width show them."""

import pytest
from rich.console import Console

from agent.cli.shown import table

ROW = ("health-imaging", "100.0%", "一条线路的原因\nand a second line of words", "whole")


def shown(width: int, columns: tuple[str, ...] = ("subject", ">share", "~why", "state")) -> str:
    made = table(*columns, title="lines")
    made.add_row(*ROW)
    stdout = Console(width=width, markup=False)
    with stdout.capture() as captured:
        stdout.print(made)
    return captured.get()


@pytest.mark.parametrize("width", range(48, 90, 6))
def test_a_table_that_fits_stays_a_table_and_shows_every_figure(width: int) -> None:
    said = shown(width)
    assert "┃ subject" in said
    assert "│ health-imaging │ 100.0% │" in said


@pytest.mark.parametrize("width", [36, 40, 47])
def test_a_terminal_too_narrow_for_a_table_gets_a_list_that_loses_nothing(width: int) -> None:
    said = shown(width)
    assert "│" not in said
    assert "lines\nsubject  health-imaging\nshare    100.0%\nwhy      " in said
    assert said.rstrip().endswith("\nstate    whole")
    assert all(word in said for word in ROW[2].split() if word.isascii())


def test_in_a_list_the_second_line_of_a_cell_stands_under_its_first() -> None:
    assert "\nwhy      一条线路的原因\n         and a second line of words\n" in shown(47)
