"""A node whose history is made up, its bundles, and what another program finds in them."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.bundle import keys, verify
from agent.bundle.create import Making
from agent.bundle.redaction import Redaction, fields
from agent.bundle.seal import Sealing
from agent.bundle.verify import Checked
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import Content, journal_in, read
from agent.judge.rates import TICK_S, Run, Tick
from config.agent import AgentConfig
from config.load import load
from tests.agentproc import write

START = 5_950_000
"""A tick in 2026."""

NODE = "sz-node-01"
SETTLED_S = 400.0
LINKS = ("line,of-school", "备用线路", "quiet%line")
IDENTITY = "router-7 GigabitEthernet0/0/9"
SECRETS = {
    "links": LINKS,
    "groups": ("schoolgroup",),
    "networks": ("edunet", "secretnet"),
    "servers": ("payroll-db",),
    "systems": ("leave-desk",),
    "probes": ("old-gateway", "new-gateway"),
    "pairs": ("gateway-pair",),
    "data_centres": ("市政务云",),
    "titles": ("教育专网", "请假系统"),
    "carriers": ("中国电信", "电信数字电路"),
    "numbers": ("SZ-4711-0815",),
    "costs": ("168001", "1680003"),
    "owners": ("市教育局", "全体教师", "每学期两次"),
}
"""What must not leave, by field."""

NEVER = ("198.51.100.77", "203.0.113.88", "router-7", "GigabitEthernet", "schoolsecret", "机密值班")
"""What never leaves."""


def configured(folder: Path, **more: Any) -> Path:
    """Write the node's configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "community").touch(mode=0o600)
    (folder / "community").write_text("schoolsecret")
    waiver = {"until": "2099-12-31", "reason": "old", "approver": "机密值班"}
    device = {"name": "router-7", "address": "198.51.100.77", "credential": "old", "waiver": waiver}
    gateway = {"kind": "tcp", "address": "203.0.113.88", "port": "9", "purpose": "gateway"}
    config = {
        "node": {"name": NODE, "department": "市教育局"},
        "data_dir": "data",
        "credentials": [{"name": "old", "version": "2c", "community": {"file": "community"}}],
        "networks": [
            {"name": "edunet", "kind": "dedicated", "title": "教育专网", "owner": "市教育局"}
            | {"annual_cost_yuan": "1680003", "destination": "extranet", "phase": "connected"}
            | {"successor": {"probes": ["new-gateway"]}}
        ],
        "devices": [device, device | {"name": "server-7", "address": "198.51.100.77:1161"}],
        "links": [_link(0), _link(1), _link(2)],
        "servers": [{"name": "payroll-db", "device": "server-7", "data_centre": "市政务云"}],
        "systems": [
            {"name": "leave-desk", "title": "请假系统", "owner": "市教育局", "ports": ["8443"]}
            | {"used_by": "全体教师", "use_frequency": "每学期两次"}
        ],
        "probes": [
            gateway | {"name": "old-gateway", "network": "edunet"},
            gateway | {"name": "new-gateway", "network": "edunet", "address": "203.0.113.99"},
        ],
        "pairs": [
            {"name": "gateway-pair", "network": "edunet", "old": "old-gateway"}
            | {"new": "new-gateway"}
        ],
    }
    path = folder / "netfold.yaml"
    write(path, config | more)
    return path


def _link(n: int) -> dict[str, Any]:
    interface = {"device": "router-7", "name": f"GigabitEthernet0/0/{n}"}
    link = {"name": LINKS[n], "network": "edunet", "bandwidth": "100M", "interface": interface}
    facts = {
        "number": "SZ-4711-0815",
        "carrier": "中国电信",
        "line_type": "电信数字电路",
        "annual_cost_yuan": "168001",
    }
    grouped = {"role": "primary" if n == 0 else "backup", "group": "schoolgroup"}
    return link | facts | (grouped if n < 2 else {})


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its key; its clock stands just after what its history holds."""

    path: Path
    key: keys.PrivateKey

    @property
    def config(self) -> AgentConfig:
        return load(self.path)

    @property
    def out(self) -> Path:
        return self.path.parent / "out"

    @property
    def public(self) -> list[keys.PublicKey]:
        return [self.key.public]

    def create(
        self, end: int, redact: str | None = "none", since_s: float | None = None
    ) -> tuple[list[Checked], list[str]]:
        """Make the bundles of what is settled before tick `end`; also what is noted beside."""
        config = self.config
        journal: Content = read(journal_in(config.data_dir))
        redaction = Redaction(fields(redact, config), self.key)
        sealing = Sealing(config, self.key, redaction, f"sha256:{journal.head}", self.out)
        making = Making(sealing, journal.entries, end * TICK_S + SETTLED_S)
        return list(making.bundles(since_s)), making.notes

    def file(self, number: int) -> Path:
        return self.out / f"{NODE}-{number:06d}.netfold.tar"

    def checked(self, number: int) -> Checked:
        with verify.opened(self.file(number)) as stream:
            return verify.check(stream, self.public)


def node(folder: Path, ticks: int = 24, **more: Any) -> Node:
    """A node with so many ticks of everything."""
    path = configured(folder, **more)
    keys.make(NODE, folder / "key")
    (folder / "out").mkdir()
    made = Node(path, keys.private(folder / "key"))
    remember(made, START, ticks)
    return made


def remember(one: Node, first: int, ticks: int) -> None:
    """Write so many ticks: every link's, but for a run of two in the first, and of all else."""
    unseen = range(first + 5, first + 7)
    records = {
        SeriesKey("link", link, f"{IDENTITY} {n}", "octets"): Record(
            [
                Tick(tick, rates(n, tick))
                for tick in range(first, first + ticks)
                if n or tick not in unseen
            ]
        )
        for n, link in enumerate(LINKS)
    }
    runs = records[SeriesKey("link", LINKS[0], f"{IDENTITY} 0", "octets")].runs
    runs[unseen[0]] = Run(unseen[0], unseen[-1], (123456789012.5, 7.0))
    levels = [("server", "payroll-db", "cpu"), ("server", "payroll-db", "memory")]
    levels += [("system", "leave-desk", "clients"), ("pair", "gateway-pair", "rtt_difference")]
    levels += [("probe", name, it) for name in SECRETS["probes"] for it in ("up", "rtt")]
    for kind, subject, measure in levels:
        values = [Tick(tick, (level(tick),)) for tick in range(first, first + ticks)]
        records[SeriesKey(kind, subject, "198.51.100.77", measure)] = Record(values)
    history = History(one.config.data_dir / "history.sqlite")
    steps = [Capacity("link", it, (first + 3) * TICK_S, 2e8) for it in LINKS[:1]]
    earlier = [Capacity("link", it, START * TICK_S, 1e8) for it in LINKS[:2]]
    history.write(records, [*earlier, *steps])
    history.close()


def rates(n: int, tick: int) -> tuple[float, float]:
    """What a link carried: floats of 32 bits, and below 1024 those take nine digits."""
    both = np.array([1e3 + tick * 2**0.5 % 20 + n, 1e3 + tick * 3**0.5 % 20], dtype=np.float32)
    return (float(both[0]), float(both[1]))


def level(tick: int) -> float:
    """A level of anything."""
    return float(np.float32(tick % 97 / 97))


def members(bundle: Path) -> dict[str, bytes]:
    """The files of a bundle as Python's own tar and gzip find them, unpacked."""
    with tarfile.open(bundle) as archive:
        found = {it.name: _content(archive, it) for it in archive}
    return {
        name: gzip.decompress(content) if name.endswith(".gz") else content
        for name, content in found.items()
    }


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert isinstance(file, io.BufferedReader)
    return file.read()


def objects(bundle: Path, name: str) -> list[dict[str, Any]]:
    """The objects of one of its JSON files."""
    found: list[dict[str, Any]] = json.loads(members(bundle)[name])
    return found


def found_in(content: bytes, words: Iterable[str]) -> Sequence[str]:
    """Which of some words stand in bytes, in any encoding that a person might use."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    escaped = [(it, json.dumps(it).strip('"').encode()) for it in words]
    return [
        it
        for it, other in escaped
        if other in content or any(it.encode(code) in content for code in encodings)
    ]
