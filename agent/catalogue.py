"""Every metric that an agent may expose, from the constants themselves; writes docs/metrics.md.

`python -m agent.catalogue FILE` writes the page, `--check FILE` says whether it is up to date.
"""

import sys
from pathlib import Path

from agent import (
    app,
    availability,
    data_centres,
    declared,
    facts,
    keeper,
    observe,
    pairs,
    phase_metrics,
    progress_metrics,
    reconciliation,
    recorder,
    verdict_metrics,
)
from collectors.base import Metric, discover

HEAD = """# Metrics

Written by `python -m agent.catalogue docs/metrics.md` from the code; `make check` finds a
difference. Base units throughout; `_info` metrics hold facts to join with, `on (job, instance, …)`.
Beside these stand prometheus_client's own `process_*` and `python_*` of the agent itself.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def catalogue() -> list[Metric]:
    """All metrics by name.

    Raises:
        ValueError: two metrics of one name are not the same.
    """
    modules = (
        *(facts, app, observe, recorder, keeper),
        *(verdict_metrics, availability, data_centres, reconciliation),
        *(declared, phase_metrics, progress_metrics, pairs),
    )
    parts = [module.METRICS for module in modules]
    found: dict[str, Metric] = {}
    for metric in (*(it for part in parts for it in part), *_collected()):
        if found.setdefault(metric.name, metric) != metric:
            msg = f"{metric.name} is defined twice, and not the same"
            raise ValueError(msg)
    return sorted(found.values(), key=lambda it: it.name)


def page() -> str:
    """The catalogue as Markdown."""
    rows = (
        f"| `{it.name}` | {it.type} | {' '.join(f'`{label}`' for label in it.labels)} | {it.help} |"
        for it in catalogue()
    )
    return HEAD + "\n".join(rows) + "\n"


def _collected() -> list[Metric]:
    return [metric for collector in discover() for metric in collector.metrics]


def main(arguments: list[str]) -> int:
    """Write or check the page; 1 if it is out of date."""
    path = Path(arguments[-1])
    if arguments[0] == "--check":
        if path.read_text(encoding="utf-8") == page():
            return 0
        sys.stderr.write(f"{path} is out of date: run python -m agent.catalogue {path}\n")
        return 1
    path.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
