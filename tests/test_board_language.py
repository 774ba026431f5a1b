"""Boards in Chinese: the same boards, every text of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import BOARDS, GENERATED, main
from dashboards.language import LANGUAGES, chinese, in_language, texts
from tests.board_parts import every_board, panels


@every_board
def test_a_board_is_the_same_in_chinese_but_for_its_words(board: dict[str, Any]) -> None:
    said = in_language(board, "zh")
    assert [it.get("targets") for it in said["panels"]] == [
        _in_chinese(it.get("targets")) for it in board["panels"]
    ]
    assert said["uid"] == f"{board['uid']}-zh"
    assert said["tags"] == said["links"][0]["tags"] == ["netfold", "zh"]
    led = set(re.findall(r"/d/([\w-]+)\?", json.dumps(said)))
    assert led == {f"{it}-zh" for it in re.findall(r"/d/([\w-]+)\?", json.dumps(board))}


def _in_chinese(queries: Any) -> Any:
    """Queries as they are, but for legends that are words."""
    return [
        it | {"legendFormat": chinese().get(it["legendFormat"], it["legendFormat"])}
        if "legendFormat" in it
        else it
        for it in queries or ()
    ] or queries


def test_every_text_of_the_boards_is_in_chinese_and_nothing_else_is() -> None:
    used = {text for make in BOARDS for text in texts(make())}
    assert used == set(chinese())
    for english, text in chinese().items():
        assert re.search(r"[\u4e00-\u9fff]", text), english
        assert english.endswith(".") == text.endswith("。"), english


def test_a_text_that_nobody_translated_is_named() -> None:
    with pytest.raises(ValueError, match=r"^zh.yaml lacks: Brand new; Newer$"):
        in_language({"title": "Newer", "panels": [{"title": "Brand new"}]}, "zh")


@every_board
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_table_has_two_columns_of_one_name(board: dict[str, Any], language: Any) -> None:
    for panel in panels(in_language(board, language)):
        for step in panel.get("transformations", ()):
            headings = list(step["options"].get("renameByName", {}).values())
            assert len(headings) == len(set(headings)), panel["title"]


def test_one_language_alone_can_be_built(tmp_path: Path) -> None:
    assert main(["--language", "zh", "--to", str(tmp_path)]) == 0
    assert {it.name for it in tmp_path.iterdir() if it.is_dir()} == {"zh"}
    board = json.loads((tmp_path / "zh" / "lines.json").read_text(encoding="utf-8"))
    assert board["title"] == "Netfold：线路"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_board_is_committed_in_every_language(language: Any) -> None:
    committed = {json.loads(it.read_text())["uid"] for it in (GENERATED / language).iterdir()}
    assert committed == {in_language(make(), language)["uid"] for make in BOARDS}
