"""What there is in the demo's town: devices, lines, servers and probes of a made-up city.

Names, carriers and prices are such as a city has them; nobody's real ones.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.demo.habits import LINES, SERVERS
from agent.demo.meter import Meter
from agent.demo.traffic import (
    DAY_TICKS,
    HISTORY_DAYS,
    Floats,
    Habit,
    Ticks,
    level,
    midnight,
    rates,
)
from agent.judge.rates import TICK_S


class Device(NamedTuple):
    """A simulated device; one whose answers were lost never speaks."""

    name: str
    description: str
    object_id: str
    credential: str = "old"
    is_silent: bool = False


class Line(NamedTuple):
    """A line: where it ends, what it is like, what it costs; `bandwidth` None is undeclared.

    `contract_days` is when its contract ends, from the start on.
    """

    name: str
    network: str
    device: str
    kind: str
    bandwidth: str | None
    title: str
    carrier: str = "中国电信"
    line_type: str = "MSTP"
    annual_cost_yuan: int = 96_000
    contract_days: int = 240
    group: str | None = None
    role: str = "primary"
    is_up: bool = True
    port_bps: int = 1_000_000_000

    @property
    def habit(self) -> Habit:
        """How it is used."""
        return LINES[self.kind].habit

    @property
    def bandwidth_bps(self) -> float:
        """What its traffic is a share of."""
        return float((self.bandwidth or "100M").replace("M", "e6").replace("G", "e9"))


class Machine(NamedTuple):
    """A server that is a device of its own."""

    name: str
    kind: str
    data_centre: str


class Probe(NamedTuple):
    """A target: what it is for, and on how many whole days it has answered (before: it did not)."""

    name: str
    kind: str
    host: str
    network: str
    purpose: str
    green_days: int = HISTORY_DAYS
    rtt_s: float = 0.0004

    @property
    def is_silent(self) -> bool:
        """Whether it takes what is sent and never says a word."""
        return self.kind == "dns"


class System(NamedTuple):
    """An information system behind a port of this host, and whether anybody uses it."""

    name: str
    title: str
    is_used: bool


_HUAWEI = ("Huawei Versatile Routing Platform, AR6280", "1.3.6.1.4.1.2011.2.224.279")
_H3C = ("H3C Comware Platform Software, MSR3620", "1.3.6.1.4.1.25506.1.1310")
_LINUX = ("Linux Kylin V10 4.19.90 aarch64", "1.3.6.1.4.1.8072.3.2.10")

DEVICES = (
    Device("core-1", *_HUAWEI, credential="v3"),
    Device("core-2", *_HUAWEI, credential="v3"),
    Device("edu-r1", *_H3C),
    Device("edu-r2", *_H3C),
    Device("health-r1", *_HUAWEI, credential="v3"),
    Device("bureaus-r1", *_H3C),
    Device("bureaus-r2", *_H3C),
    Device("finance-r1", *_HUAWEI),
    Device("weather-r1", *_H3C, is_silent=True),
    Device("srv-db1", *_LINUX),
    Device("srv-web1", *_LINUX),
    Device("srv-file1", *_LINUX),
    Device("srv-video1", *_LINUX),
)

LINES_OF_TOWN = (
    Line("edu-core-a", "edu", "edu-r1", "office", "200M", "教育专网主用", group="edu-core"),
    Line("edu-core-b", "edu", "edu-r2", "standby", "200M", "教育专网备用", carrier="中国联通",
         group="edu-core", role="backup"),
    Line("edu-west", "edu", "edu-r1", "light", "100M", "西区学校汇聚"),
    Line("edu-north", "edu", "edu-r1", "keep_alive", "50M", "北区学校汇聚",
         annual_cost_yuan=60_000),
    Line("edu-exam-hall", "edu", "edu-r2", "silent", "20M", "考务楼专线", annual_cost_yuan=36_000),
    Line("edu-library", "edu", "edu-r2", "backups", "100M", "图书馆专线"),
    Line("market-a", "market", "bureaus-r1", "light", "50M", "市场监管局专线", "中国移动"),
    Line("market-b", "market", "bureaus-r1", "chatty", "10M", "质检所专线",
         annual_cost_yuan=24_000),
    Line("civil-a", "civil", "bureaus-r1", "office", "50M", "民政局专线", "中国联通"),
    Line("civil-b", "civil", "bureaus-r1", "keep_alive", "10M", "救助站专线",
         annual_cost_yuan=24_000),
    Line("health-a", "health", "health-r1", "busy", "500M", "卫健委主干", line_type="OTN",
         annual_cost_yuan=420_000),
    Line("health-imaging", "health", "health-r1", "mirrored", "200M", "影像备份", line_type="OTN",
         annual_cost_yuan=180_000),
    Line("health-clinics", "health", "health-r1", "growing", "100M", "社区卫生服务中心"),
    Line("health-lab", "health", "health-r1", "light", "50M", "检验中心", contract_days=45),
    Line("transport-a", "transport", "bureaus-r2", "cut_over", "100M", "交通运输局专线"),
    Line("transport-b", "transport", "bureaus-r2", "cut_over", "50M", "公路中心专线", "中国移动"),
    Line("land-a", "land", "bureaus-r2", "observed", "100M", "自然资源局专线", contract_days=80),
    Line("culture-a", "culture", "bureaus-r2", "retired", "20M", "文旅局专线", contract_days=-20,
         is_up=False, annual_cost_yuan=36_000),
    Line("sport-a", "sport", "bureaus-r2", "silent", "10M", "体育局专线", contract_days=-120,
         is_up=False, annual_cost_yuan=24_000),
    Line("finance-a", "finance", "finance-r1", "month_end", "100M", "国库集中支付",
         line_type="SDH"),
    Line("finance-b", "finance", "finance-r1", "office", "100M", "预算单位接入", "中国移动"),
    Line("archive-a", "archive", "bureaus-r2", "reverted", "50M", "档案馆专线"),
    Line("stats-a", "stats", "bureaus-r1", "relapsed", "50M", "统计局专线", "中国联通"),
    Line("exam-a", "exam", "edu-r2", "keep_alive", "20M", "考试院专线", annual_cost_yuan=36_000),
    Line("flood-a", "flood", "bureaus-r2", "keep_alive", "20M", "三防指挥专线"),
    Line("water-a", "water", "bureaus-r1", "keep_alive", "10M", "水文站专线",
         annual_cost_yuan=24_000),
    Line("water-b", "water", "bureaus-r1", "new", "10M", "水库视频专线", annual_cost_yuan=24_000),
    Line("weather-a", "weather", "weather-r1", "lost", "20M", "气象局专线"),
    Line("ext-a", "extranet", "core-1", "office", "1G", "外网骨干 A", line_type="OTN",
         annual_cost_yuan=600_000, port_bps=10**10),
    Line("ext-b", "extranet", "core-2", "office", "1G", "外网骨干 B", "中国移动", "OTN", 600_000,
         port_bps=10**10),
    Line("ext-county", "extranet", "core-2", "light", None, "区县汇聚"),
    Line("egress", "internet", "core-1", "busy", "1G", "统一互联网出口", line_type="OTN",
         annual_cost_yuan=900_000, port_bps=10**10),
)  # fmt: skip

MACHINES = (
    Machine("srv-db1", "office", "市政务云"),
    Machine("srv-web1", "light", "市政务云"),
    Machine("srv-file1", "idle", "市教育局机房"),
    Machine("srv-video1", "busy", "市政务云"),
)

PROBES = (
    Probe("ext-gw", "icmp", "127.0.9.1", "extranet", "gateway"),
    Probe("civil-ext", "icmp", "127.0.9.11", "extranet", "gateway", green_days=7),
    Probe("health-ext", "icmp", "127.0.9.12", "extranet", "gateway", green_days=24),
    Probe("transport-ext", "icmp", "127.0.9.13", "extranet", "gateway"),
    Probe("land-ext", "icmp", "127.0.9.14", "extranet", "gateway"),
    Probe("finance-ext", "icmp", "127.0.9.15", "extranet", "gateway"),
    Probe("archive-ext", "icmp", "127.0.9.16", "extranet", "gateway"),
    Probe("stats-ext", "icmp", "127.0.9.17", "extranet", "gateway"),
    Probe("sharing-hub", "tcp", "127.0.8.1", "extranet", "exchange_hub"),
    Probe("portal", "http", "127.0.8.2", "extranet", "service_platform", rtt_s=0.002),
    Probe("ca", "tls", "127.0.8.3", "extranet", "ca", rtt_s=0.004),
    Probe("no-way-out", "dns", "127.0.8.4", "internet", "isolation"),
    Probe("old-modem", "tcp", "127.0.8.5", "internet", "internet_egress", green_days=-1),
)
"""The last two must not be reached: the first keeps still, the second answers and is a breach."""

SYSTEMS = (System("leave", "请假系统", True), System("archive-search", "旧档案检索", False))


class Town:
    """Everything with its traffic; `now_tick` is the tick that is open at the start."""

    def __init__(self, now_tick: int) -> None:
        self.now_tick = now_tick
        self.first = now_tick - HISTORY_DAYS * DAY_TICKS
        self.lines = {it.name: Meter(self._rates_of(it).at, now_tick) for it in LINES_OF_TOWN}
        self.machines = {it.name: Meter(self._network_of(it).at, now_tick) for it in MACHINES}

    def cpu_points(self, machine: Machine, ticks: Ticks) -> Ticks:
        """Percent of its cores together, whole ones: what hrProcessorLoad can say."""
        one = SERVERS[machine.kind]
        found = level(machine.name + "/cpu", one.cpu, one.cpu_office, ticks)
        points: Ticks = (found.clip(0, 1) * 100 * one.cores).round().astype("int64")
        return points

    def memory_used(self, machine: Machine, ticks: Ticks) -> Floats:
        """Share of the memory that programs hold."""
        one = SERVERS[machine.kind]
        return level(machine.name + "/memory", one.memory, 0.02, ticks)

    def _rates_of(self, line: Line) -> "_Rates":
        return _Rates(line.name, line.habit, line.bandwidth_bps, self.now_tick)

    def _network_of(self, machine: Machine) -> "_Rates":
        bps = SERVERS[machine.kind].network_bps
        habit = Habit(floor_bps=bps / 20, office=0.6, always=0.1)
        return _Rates(machine.name, habit, bps, self.now_tick)


class _Rates(NamedTuple):
    name: str
    habit: Habit
    bandwidth_bps: float
    now_tick: int

    def at(self, ticks: Ticks) -> Floats:
        return rates(self.name, self.habit, self.bandwidth_bps, ticks, self.now_tick)


def tick_of(at_s: float) -> int:
    """The tick that is open at a wall time."""
    return int(at_s // TICK_S)


def answers(probe: Probe, ticks: Ticks, now_tick: int) -> NDArray[np.bool_]:
    """Whether it answered in each tick; it is a day's beginning that this changes at."""
    found: NDArray[np.bool_] = ticks >= midnight(now_tick) - probe.green_days * DAY_TICKS
    return found
