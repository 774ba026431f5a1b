"""The kinds of lines and servers that the demo shows, and the verdict that each is made for."""

from typing import NamedTuple

from agent.demo.traffic import Habit
from agent.judge.status import Status


class Kind(NamedTuple):
    """A habit, and what 90 days of it prove of a line that has a contract and no season."""

    habit: Habit
    verdict: Status


LINES = {
    "silent": Kind(Habit(floor_bps=0.0), Status.IDLE),
    "keep_alive": Kind(Habit(floor_bps=3_000.0), Status.IDLE),
    "chatty": Kind(Habit(floor_bps=24_000.0), Status.LOW_USE),
    "light": Kind(Habit(office=0.03), Status.LOW_USE),
    "backups": Kind(Habit(office=0.04, night=0.06), Status.LOW_USE),
    "office": Kind(Habit(office=0.3), Status.NORMAL),
    "mirrored": Kind(Habit(office=0.05, night=0.55), Status.NORMAL),
    "busy": Kind(Habit(always=0.2, office=0.72), Status.BUSY),
    "standby": Kind(Habit(floor_bps=2_000.0), Status.STANDBY),
    "month_end": Kind(Habit(month_end=0.6), Status.NORMAL),
    "growing": Kind(Habit(office=0.12, growth=4.0), Status.NORMAL),
    "new": Kind(Habit(new_days=12), Status.UNKNOWN),
    "lost": Kind(Habit(office=0.02, lost_days=3), Status.UNKNOWN),
    "cut_over": Kind(Habit(office=0.3, left_days=2), Status.NORMAL),
    "observed": Kind(Habit(office=0.3, left_days=16), Status.NORMAL),
    "retired": Kind(Habit(floor_bps=0.0, office=0.3, left_days=62), Status.IDLE),
    "relapsed": Kind(Habit(office=0.25, left_days=20, back_days=4), Status.NORMAL),
    "reverted": Kind(Habit(office=0.25, left_days=30, back_days=12), Status.NORMAL),
}


class Server(NamedTuple):
    """Shares of a machine that are used by night, and how much more in office hours."""

    cpu: float
    cpu_office: float
    memory: float
    network_bps: float
    verdict: Status
    cores: int = 8
    memory_bytes: int = 32 * 2**30
    disk_bytes: int = 500 * 2**30


SERVERS = {
    "idle": Server(0.01, 0.005, 0.11, 60_000, Status.IDLE),
    "light": Server(0.035, 0.03, 0.2, 900_000, Status.LOW_USE),
    "office": Server(0.08, 0.35, 0.55, 12_000_000, Status.NORMAL),
    "busy": Server(0.55, 0.38, 0.7, 60_000_000, Status.BUSY, cores=16, memory_bytes=64 * 2**30),
}
