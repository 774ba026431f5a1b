"""A report as plain data: what JSON prints, and what every other form is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from agent.judge.calendar import SHANGHAI
from agent.judge.status import OF_LINES, Status
from agent.progress import progress_of
from agent.progress_json import said_of as said_of_progress
from agent.report.exceptions import exceptions
from agent.report.gathered import Gathered
from agent.report.low_use import Listed, listed
from agent.report.unseen import unseen
from agent.report.uptime import Uptime
from agent.report.yearly import yearly
from agent.systems import SystemVerdict
from agent.verdict_json import iso, said_of

Content = Mapping[str, Any]


def content(found: Gathered, journal: str | None, written_s: float) -> dict[str, Any]:
    """All sections; `verdicts` are what `assess --json` prints of the same time.

    `journal` is its last digest, None where it is damaged. Null is what is not known or not
    declared, never 0.
    """
    policy = found.config.policy
    verdicts = [said_of(it, policy) for it in found.verdicts]
    lines = listed(found, verdicts)
    progress = said_of_progress(progress_of(found.config, found.networks, found.today))
    return {
        "head": _head(found, journal, written_s),
        "summary": _summary(found, lines, progress),
        "low_use": {
            "rows": lines.rows,
            "could_be_smaller": lines.smaller,
            "leaving_networks": lines.leaving,
        },
        "progress": progress,
        "availability": _availability(found.uptime),
        "yearly": yearly(found.networks, found.today),
        "systems": _systems(found, verdicts),
        "data_centres": [_data_centre(it) for it in found.data_centres],
        "exceptions": exceptions(found),
        "unseen": unseen(found),
        "titles": {it.name: it.title for it in found.config.networks if it.title},
        "verdicts": verdicts,
    }


def _head(found: Gathered, journal: str | None, written_s: float) -> dict[str, Any]:
    node, policy, at_s = found.config.node, found.config.policy, found.at_s
    windows = {
        "lines": policy.links.window_s,
        "servers": policy.servers.window_s,
        "systems": policy.systems.window_s,
    }
    return {
        "node": node.name,
        "department": node.department,
        "region": node.region,
        "level": node.level,
        "as_of": _local(at_s),
        "written": _local(written_s),
        "netfold": version("netfold"),
        "policy": policy.hash,
        "journal": journal,
        "windows": {
            of: {"from": _local(at_s - window_s), "to": _local(at_s), "days": window_s / 86_400}
            for of, window_s in windows.items()
        },
    }


def _summary(found: Gathered, lines: Listed, progress: Mapping[str, Any]) -> dict[str, Any]:
    """What can be given back, of what, and what the lines are."""
    remote = {it.name for it in found.config.networks if it.kind != "local"}
    names = {it.name for it in found.config.links if it.network in remote}
    its = [it for it in found.verdicts if it.kind == "link" and it.subject in names]
    counts = Counter(it.status for it in its)
    systems = [it for it in found.verdicts if isinstance(it, SystemVerdict)]
    kept = [it for it in (*lines.rows, *lines.smaller) if it["cut"]["what"] == "smaller"]
    low = [it for it in lines.rows if it["kind"] == "link"]
    total = progress["total"]
    return {
        "in_scope": total["to_consolidate"],
        "reclaimable": total["reclaimable"],
        "undecided_networks": total["undecided"],
        "saved": total["migrated"],
        "interconnected": total["interconnected"],
        "on_the_way": total["on_the_way"],
        "lines": len(its),
        "lines_by_verdict": {it.value: counts[it] for it in OF_LINES},
        "low_lines": len(low),
        "low_lines_leaving": counts[Status.IDLE] + counts[Status.LOW_USE] - len(low),
        "low_lines_confirmed": sum(it["confirmed"] is True for it in low),
        "low_lines_least_seen_ratio": min(
            (it["evidence"]["seen_ratio"] for it in low), default=None
        ),
        "could_be_smaller": _smaller(kept),
        "systems": len(systems),
        "systems_suspected": sum(it.status.is_finding for it in systems),
    }


def _smaller(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lines and groups that stay; those without a known price are counted, and add nothing."""
    known = [yuan for it in rows if (yuan := it["cut"]["saving_yuan"]) is not None]
    saving = sum(known) if known else None
    return {"count": len(rows), "saving_yuan": saving, "without_price": len(rows) - len(known)}


def _availability(found: Uptime) -> dict[str, Any]:
    return {
        "month": str(found.month),
        "from": _local(found.from_s),
        "to": _local(found.to_s),
        "whole": found.is_whole,
        "rows": [
            it._asdict() | {"share": list(it.share), "rules": dict(it.rules)} for it in found.rows
        ],
    }


def _systems(found: Gathered, verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those that are suspected to be unused: the census's fields beside what was measured."""
    rows = []
    for one, said in zip(found.verdicts, verdicts, strict=True):
        if isinstance(one, SystemVerdict) and one.status.is_finding:
            tenure = found.tenures.get(("system", one.subject))
            system = one.system
            rows.append(
                {
                    "system": system.name,
                    "title": system.title,
                    "owner": system.owner,
                    "function": system.function,
                    "count": system.count,
                    "used_by": system.used_by,
                    "use_frequency": system.use_frequency,
                    "approved_by": system.approved_by,
                    "approved_on": system.approved_on and system.approved_on.isoformat(),
                    "funding_source": system.funding_source,
                    "status": one.status,
                    "since": None if tenure is None else iso(tenure.since_s),
                    "evidence": said["evidence"],
                }
            )
    return rows


def _data_centre(one: Any) -> dict[str, Any]:
    counts = Counter(one.statuses)
    return {
        "data_centre": one.name,
        "servers": len(one.statuses),
        "by_verdict": {it.value: counts[it] for it in OF_LINES},
        "idle": {size: list(bounds) for size, bounds in one.idle.items()},
    }


def _local(time_s: float) -> str:
    """A wall time in Asia/Shanghai, to the second."""
    return datetime.fromtimestamp(int(time_s), SHANGHAI).isoformat()
