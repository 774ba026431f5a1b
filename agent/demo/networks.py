"""The networks of the demo's town, each in another phase, as a register declares them."""

from collections.abc import Mapping
from typing import NamedTuple

from config.inventory import NetworkKind
from config.register import Phase


class Facts(NamedTuple):
    """A network; `phases` are declared so many days before the start, `plan` so many after it."""

    name: str
    title: str
    owner: str
    phases: Mapping[Phase, int] = {}
    plan: Mapping[str, int] = {}
    kind: NetworkKind = "dedicated"
    destination: str | None = "extranet"
    outcome: str = "migrate"
    probes: tuple[str, ...] = ()
    busy_periods: tuple[str, ...] = ()
    uplinks: tuple[str, ...] = ()
    level: str = "2"
    is_exempt: bool = False
    is_classified: bool = False


NETWORKS = (
    Facts("water", "水务监测专网", "市水务局", {"surveyed": 40}, destination=None),
    Facts("weather", "气象专网", "市气象局", {"surveyed": 40}, destination=None),
    Facts("flood", "三防指挥专网", "市应急管理局", {"surveyed": 40}, destination=None, level="3"),
    Facts("edu", "教育专网", "市教育局", {"surveyed": 80, "baselined": 30},
          {"planned": 20, "connected": 90, "cut_over": 150, "retired": 240}, destination=None),
    Facts("market", "市场监管专网", "市市场监督管理局",
          {"surveyed": 80, "baselined": 50, "planned": 25},
          {"connected": -12, "cut_over": 45, "retired": 100}),
    Facts("civil", "民政专网", "市民政局",
          {"surveyed": 85, "baselined": 60, "planned": 40, "connected": 1},
          {"connected": -1, "dual_running": 10, "cut_over": 30, "retired": 90},
          probes=("civil-ext",)),
    Facts("health", "卫生健康专网", "市卫生健康委",
          {"surveyed": 88, "baselined": 50, "planned": 30, "connected": 16, "dual_running": 14},
          {"cut_over": 14, "retired": 80}, probes=("health-ext", "portal"), level="3"),
    Facts("transport", "交通运输专网", "市交通运输局",
          {"surveyed": 88, "planned": 60, "connected": 30, "dual_running": 20, "cut_over": 2},
          {"cut_over": -2, "observing": 5, "retired": 60}, probes=("transport-ext",)),
    Facts("land", "自然资源专网", "市规划和自然资源局",
          {"planned": 80, "connected": 40, "dual_running": 30, "cut_over": 16, "observing": 12},
          {"cut_over": -16, "retired": 30, "funding_cut": 100}, probes=("land-ext",), level="3"),
    Facts("culture", "文化旅游专网", "市文化广电旅游体育局",
          {"cut_over": 62, "observing": 58, "retired": 15},
          {"cut_over": -62, "retired": -15, "funding_cut": 40}, probes=("ext-gw",)),
    Facts("sport", "体育专网", "市文化广电旅游体育局",
          {"observing": 88, "retired": 60, "funding_cut": 10},
          {"cut_over": -110, "retired": -60, "funding_cut": -10}, probes=("ext-gw",)),
    Facts("finance", "财政专网", "市财政局", {"planned": 70, "connected": 40, "interconnected": 20},
          {"interconnected": -20}, outcome="interconnect", probes=("finance-ext",), level="3"),
    Facts("archive", "档案专网", "市档案馆",
          {"connected": 50, "dual_running": 45, "cut_over": 30, "reverted": 11},
          {"cut_over": 25, "retired": 90}, probes=("archive-ext",)),
    Facts("stats", "统计专网", "市统计局",
          {"connected": 40, "dual_running": 30, "cut_over": 20, "observing": 15},
          {"cut_over": -20, "retired": 20}, probes=("stats-ext",)),
    Facts("exam", "考试专网", "市教育考试院", {"exempt": 70}, {}, is_exempt=True),
    Facts("secret", "机要专网", "市委机要局", {"surveyed": 60, "planned": 20}, {"cut_over": 120},
          destination="intranet", is_classified=True),
    Facts("extranet", "电子政务外网", "市政务服务数据管理局", kind="extranet",
          uplinks=("ext-a", "ext-b"), level="3"),
    Facts("internet", "统一互联网出口", "市政务服务数据管理局", kind="internet", level="3"),
)  # fmt: skip
