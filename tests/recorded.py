"""A device that is a recording within the test: its values are the test's to change, and its time.

Where neither changes, `replay.py` answers for the same recordings over a real socket.

Each line is `OID|TYPE|VALUE`: the type is a BER tag, followed by x where the value is in hex.
"""

from collections.abc import Sequence
from pathlib import Path

from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.varbind import Value

_OCTETS = {"4", "64", "68"}
_OBJECT_IDENTIFIER = "6"


def recorded(path: Path) -> dict[str, Value]:
    """Read a recording: values by OID; a line that is cut off is left out."""
    found: dict[str, Value] = {}
    for line in path.read_bytes().decode("utf-8", "surrogateescape").splitlines():
        oid, _, rest = line.partition("|")
        kind, bar, value = rest.partition("|")
        if bar and not line.startswith("#"):
            found[oid] = _value(kind, value)
    return found


class Recorded(SnmpClient):
    """What `get` and `walk` of the client find in a recording, without a network."""

    def __init__(self, path: Path) -> None:
        self.values = recorded(path)
        self.asked: list[str] = []

    async def get(self, agent: Agent, oids: Sequence[str]) -> list[Value]:
        self.asked += oids
        return [self.values.get(oid) for oid in oids]

    async def walk(
        self, agent: Agent, *columns: str, max_rows: int = 20_000
    ) -> list[dict[str, Value]]:
        self.asked += columns
        return [self._column(f"{column}.") for column in columns]

    def _column(self, prefix: str) -> dict[str, Value]:
        rows = {
            oid.removeprefix(prefix): value
            for oid, value in self.values.items()
            if oid.startswith(prefix)
        }
        return {index: rows[index] for index in sorted(rows, key=_numbers)}


def _numbers(index: str) -> tuple[int, ...]:
    return tuple(map(int, index.split(".")))


def _value(kind: str, value: str) -> Value:
    octets = value.encode("utf-8", "surrogateescape")
    if kind.endswith("x"):
        octets = bytes.fromhex(value)
        kind = kind[:-1]
    if kind in _OCTETS:
        return octets
    return value if kind == _OBJECT_IDENTIFIER else int(octets or b"0")
