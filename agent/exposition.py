"""Samples to the text that Prometheus reads: rendered once when measured, joined when scraped.

Text 0.0.4 and OpenMetrics 1.0 differ only in their headers and their end, since counters are named
`_total` and infos `_info` throughout; so one rendering of the samples serves both.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import cache

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import exposition as classic
from prometheus_client.openmetrics import exposition as openmetrics

from collectors.base import Metric, Sample

CLASSIC_TYPE = classic.CONTENT_TYPE_PLAIN_0_0_4
OPENMETRICS_TYPE = openmetrics.CONTENT_TYPE_LATEST


_ODD_NUMBERS = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


class Exposition:
    """The text of every source (a target's values, a target's state, the agent's facts)."""

    def __init__(self) -> None:
        self._families: dict[Metric, dict[Hashable, bytes]] = {}
        self._order: list[Metric] = []
        self._until_s: dict[Hashable, float] = {}
        self._of_source: dict[Hashable, frozenset[Metric]] = {}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def put(
        self, source: Hashable, samples: Iterable[Sample], until_s: float = float("inf")
    ) -> None:
        """Replace all that a source says; it is dropped after `until_s` of a steady clock."""
        by_metric: defaultdict[Metric, list[Sample]] = defaultdict(list)
        for sample in samples:
            by_metric[sample.metric].append(sample)
        said = self._of_source.get(source, frozenset())
        if said != by_metric.keys():  # seldom: most say the same of other values
            for metric in said - by_metric.keys():
                self._families[metric].pop(source, None)
            self._of_source[source] = frozenset(by_metric)
        for metric, its_samples in by_metric.items():
            if metric not in self._families:
                self._families[metric] = {}
                self._order = sorted(self._families, key=lambda it: it.name)
            self._families[metric][source] = _lines(metric, its_samples)
        self._until_s[source] = until_s

    def drop(self, source: Hashable) -> None:
        """Forget all that a source said."""
        for metric in self._of_source.pop(source, frozenset()):
            self._families[metric].pop(source, None)
        self._until_s.pop(source, None)

    def render(self, steady_s: float, *, openmetrics_text: bool = False) -> bytes:
        """Join what holds at `steady_s` into one text, each family's samples together."""
        for source in [it for it, until_s in self._until_s.items() if until_s <= steady_s]:
            self.drop(source)
        header = _openmetrics_header if openmetrics_text else _classic_header
        parts: list[bytes] = []
        for metric in self._order:
            if blocks := self._families[metric]:
                parts.append(header(metric))
                parts.extend(blocks.values())
        if openmetrics_text:
            tail = openmetrics.generate_latest(self._process)  # type: ignore[no-untyped-call]
            return b"".join([*parts, tail])  # it ends with the one "# EOF"
        return b"".join([*parts, classic.generate_latest(self._process)])


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header (RFC 9110 section 12.5.1) prefers OpenMetrics to plain text."""
    wanted = _qualities(accept)
    return wanted.get("application/openmetrics-text", 0.0) > wanted.get("text/plain", 0.0)


def wants_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110 section 12.5.3) names gzip and not with q=0."""
    return _qualities(accept_encoding).get("gzip", 0.0) > 0


def _qualities(header: str) -> dict[str, float]:
    """What a header accepts, and how much it wants it: the most where it is named twice."""
    wanted: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (it.strip() for it in part.split(";"))
        quality = next((it[2:] for it in parameters if it.startswith("q=")), "1")
        wanted[name] = max(wanted.get(name, 0.0), _quality(quality))
    return wanted


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _lines(metric: Metric, samples: Sequence[Sample]) -> bytes:
    """All lines of a metric; few texts need escaping, and those show in how many quotes there are.

    A sample costs a third of a microsecond, which is what counts where there are 100,000.
    """
    line = _template(metric)
    text = "".join(
        [
            line % (*labels, value if type(value) is int else _number(value))
            for _, value, labels in samples
        ]
    )
    quotes, breaks = 2 * len(metric.labels) * len(samples), len(samples)
    if "\\" in text or text.count('"') != quotes or text.count("\n") != breaks:
        escaped = ((*map(_escaped, labels), _number(value)) for _, value, labels in samples)
        text = "".join([line % it for it in escaped])
    return text.encode()


@cache
def _template(metric: Metric) -> str:
    if not metric.labels:
        return f"{metric.name} %s\n"
    labels = ",".join(f'{name}="%s"' for name in metric.labels)
    return f"{metric.name}{{{labels}}} %s\n"


def _number(value: float) -> str:
    """An int keeps all its digits; a float the shortest that reads back the same."""
    text = repr(value)
    return _ODD_NUMBERS.get(text, text)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _classic_header(metric: Metric) -> bytes:
    kind = "gauge" if metric.type == "info" else metric.type
    help_text = metric.help.replace("\\", r"\\")
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {kind}\n".encode()


def _openmetrics_header(metric: Metric) -> bytes:
    family = metric.name.removesuffix("_total").removesuffix("_info")
    help_text = _escaped(metric.help)
    return f"# HELP {family} {help_text}\n# TYPE {family} {metric.type}\n".encode()
