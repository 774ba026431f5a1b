"""What snmpd runs (pass_persist in snmpd.conf(5)) to serve the values in a file, as it is now.

Each line is `OID TYPE VALUE`, with a type of pass_persist's: integer, gauge, counter64, string.
"""

import sys
from pathlib import Path

Oid = tuple[int, ...]


def answer(path: Path, command: str, asked: Oid) -> str:
    """Answer one request; `getnext` takes the first OID beyond the one asked for."""
    rows = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        name, kind, value = line.split(" ", 2)
        rows[oid(name)] = (kind, value)
    found = asked if command == "get" else min((it for it in rows if it > asked), default=())
    if found not in rows:
        return "NONE"
    return "\n".join(["." + ".".join(map(str, found)), *rows[found]])


def oid(text: str) -> Oid:
    """Split an OID at its dots; the one before the first may be there."""
    return tuple(int(part) for part in text.strip(".").split("."))


def main() -> None:
    """Talk to snmpd until it closes the pipe; what it asks takes two lines."""
    for line in sys.stdin:
        said = "PONG"
        if line.strip() in {"get", "getnext"}:
            said = answer(Path(sys.argv[1]), line.strip(), oid(sys.stdin.readline().strip()))
        sys.stdout.buffer.write(f"{said}\n".encode("latin-1"))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
