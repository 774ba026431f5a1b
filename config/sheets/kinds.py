"""The kinds of columns: how the cells of each are read, and how they are written."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collectors.fields import seen
from config.problems import hint
from config.sheets import cells
from config.sheets.cells import Read, Value


@dataclass(frozen=True, slots=True)
class Kind:
    """How a column's cells are read, and written: `write` gets the model's value."""

    read: Read
    write: Callable[[Any, bool], Value]
    is_text: bool = False
    takes_unit: Callable[[str], bool] | None = None


def _choice(*choices: str) -> Kind:
    """A column of certain words, each as YAML has it and in Chinese."""
    several = [it.split() for it in choices]
    known = {word: many[0] for many in several for word in many}
    chinese = {many[0]: many[1] for many in several}

    def read(value: Value, _: str) -> str | None:
        text = cells.narrowed(value)
        found = known.get(text.casefold().replace(" ", "_"))
        if text and found is None:
            right = hint(text, chinese.values(), "write one of {}")
            cells.refuse(f"not a word for this: {seen(text)}; {right}")
        return found

    return Kind(read, lambda value, english: value if english else chinese[value])


def _speed_text(bps: float, _: bool) -> Value:
    for factor, prefix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if bps % factor == 0:
            return f"{int(bps // factor)}{prefix}"
    return f"{Decimal(repr(bps)):f} bit/s"


def _joined(values: Iterable[object], _: bool) -> Value:
    words = (str(it) for it in values)
    return " ".join(f'"{it}"' if re.search("[、，；,;]", it) else it for it in words) or None


def _whole(value: float, _: bool) -> Value:
    return int(value) if value == int(value) else value


def _itself(value: Value, _: bool) -> Value:
    return value


def _truth_word(value: bool, english: bool) -> Value:
    return ("yes" if value else "no") if english else ("是" if value else "否")


TEXT = Kind(cells.plain_text, _itself, is_text=True)
CODE = Kind(cells.code, _itself, is_text=True)
NUMBER = Kind(cells.number, _itself)
YUAN = Kind(cells.yuan, _whole, takes_unit=lambda unit: unit in cells.YUAN_IN)
BANDWIDTH = Kind(
    cells.bandwidth,
    _speed_text,
    is_text=True,
    takes_unit=lambda unit: cells.speed_prefix(unit) is not None,
)
DAY = Kind(cells.day, _itself)
WORDS = Kind(cells.words, _joined, is_text=True)
TRUTH = Kind(cells.truth, _truth_word)
NETWORK_KIND = _choice(
    "dedicated 专网 专用网络",
    "intranet 内网 政务内网",
    "extranet 外网 政务外网",
    "internet 互联网",
    "local 本机",
)
DESTINATION = _choice("intranet 内网 政务内网", "extranet 外网 政务外网")
OUTCOME = _choice("migrate 整合迁移 迁移", "interconnect 融合互联 互联")
PHASE = _choice(
    "surveyed 摸底调查 摸底",
    "baselined 基线观测 基线",
    "planned 方案",
    "connected 接入对接 接入",
    "dual_running 并行双跑 双跑",
    "cut_over 切换",
    "observing 观察期 观察",
    "retired 退租注销 退租",
    "funding_cut 经费核减 核减",
    "interconnected 融合互联 互联",
    "reverted 回退",
    "exempt 豁免 例外",
)
LEVEL_OF = _choice(
    "central 中央",
    "province 省级 省",
    "city 市级 市",
    "county 县级 县",
    "township 乡镇",
)
ROLE = _choice("primary 主用 主", "backup 备用 备")
STANDBY = _choice("standby 备用 备 是")
SCHEME = _choice("graded 等级保护 等保", "classified 分级保护 分保")
LEVEL = _choice(
    "1 一级 第一级 1级",
    "2 二级 第二级 2级",
    "3 三级 第三级 3级",
    "4 四级 第四级 4级",
    "5 五级 第五级 5级",
    "secret 秘密 秘密级",
    "confidential 机密 机密级",
    "top_secret 绝密 绝密级",
)
