"""Samples to the text that Prometheus reads: rendered once when measured, joined when scraped.

Text 0.0.4 and OpenMetrics 1.0 differ only in their headers and their end, since counters are named
`_total` and infos `_info` throughout; so one rendering of the samples serves both.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from math import isfinite, isnan
from operator import itemgetter
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import exposition as classic
from prometheus_client.openmetrics import exposition as openmetrics

from collectors.base import Metric

CLASSIC_TYPE = classic.CONTENT_TYPE_PLAIN_0_0_4
OPENMETRICS_TYPE = openmetrics.CONTENT_TYPE_LATEST

_WHOLE, _ANY = b" %d\n", b" %b\n"

Series = tuple[Metric, float, tuple[str, ...]]
"""A sample, or whatever stands for one: metric, value, labels."""


class Exposition:
    """The text of every source (a target's values, a target's state, the agent's facts)."""

    def __init__(self) -> None:
        self._families: dict[Metric, dict[Hashable, bytes]] = {}
        self._order: list[Metric] = []
        self._until_s: dict[Hashable, float] = {}
        self._forms: dict[Hashable, _Form] = {}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def put(
        self, source: Hashable, samples: Iterable[Series], until_s: float = float("inf")
    ) -> None:
        """Replace all that a source says; it is dropped after `until_s` of a steady clock."""
        metrics, values, labels = _columns(samples)
        form = self._forms.get(source)
        if form is None or form.metrics != metrics or form.labels != labels:
            form = self._begin(source, _Form(metrics, labels))
        for metric, lines in form.lines.items():
            self._families[metric][source] = lines.fill(values)
        self._until_s[source] = until_s

    def drop(self, source: Hashable) -> None:
        """Forget all that a source said."""
        if form := self._forms.pop(source, None):
            for metric in form.lines:
                del self._families[metric][source]
        self._until_s.pop(source, None)

    def _begin(self, source: Hashable, form: "_Form") -> "_Form":
        """Let a source say other series than before."""
        self.drop(source)
        self._forms[source] = form
        new = form.lines.keys() - self._families.keys()
        if new:
            self._families |= {metric: {} for metric in new}
            self._order = sorted(self._families, key=lambda it: it.name)
        return form

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


class _Form:
    """What a source says but for the values, which alone change from one time to the next.

    Filled in, a sample costs a tenth of a microsecond: what counts where there are 100,000.
    """

    def __init__(self, metrics: tuple[Metric, ...], labels: tuple[tuple[str, ...], ...]) -> None:
        self.metrics, self.labels = metrics, labels
        places: defaultdict[Metric, list[int]] = defaultdict(list)
        for place, metric in enumerate(metrics):
            places[metric].append(place)
        self.lines = {
            metric: _Lines("".join([_line(metric, labels[it]) for it in its_places]), its_places)
            for metric, its_places in places.items()
        }


class _Lines:
    """The lines of one metric, with a mark for the value of each.

    Marks are for whole numbers if all are, which saves half of the time, else for any octets. Only
    a line's end has a newline, so no label looks like a mark.
    """

    def __init__(self, template: str, places: Sequence[int]) -> None:
        self._template, self._mark = template.encode(), _WHOLE
        self._pick = _picker(places)

    def fill(self, values: tuple[float, ...]) -> bytes:
        """Put in the metric's own of all the form's values."""
        own = self._pick(values)
        mark = _WHOLE if set(map(type, own)) == {int} else _ANY
        if mark != self._mark:
            self._template = self._template.replace(self._mark, mark)
            self._mark = mark
        return self._template % (own if mark == _WHOLE else tuple(map(_number, own)))


def _columns(
    samples: Iterable[Series],
) -> tuple[tuple[Metric, ...], tuple[float, ...], tuple[tuple[str, ...], ...]]:
    columns: Any = tuple(zip(*samples, strict=True))  # which has no arity for a type checker
    return columns or ((), (), ())


def _picker(places: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    step = places[1] - places[0] if len(places) > 1 else 1
    evenly = range(places[0], places[-1] + 1, step)
    if list(evenly) == places:
        return itemgetter(slice(evenly.start, evenly.stop, step))
    return itemgetter(*places)


def _line(metric: Metric, labels: Sequence[str]) -> str:
    """Write a sample with a mark for its value."""
    pairs = ",".join(
        f'{name}="{_escaped(label)}"' for name, label in zip(metric.labels, labels, strict=True)
    )
    series = f"{metric.name}{{{pairs}}}" if pairs else metric.name
    return series.replace("%", "%%") + _WHOLE.decode()


def _number(value: float) -> bytes:
    """With all its digits, and as Prometheus writes what is no number."""
    if isfinite(value):
        return str(value).encode()
    return b"NaN" if isnan(value) else b"+Inf" if value > 0 else b"-Inf"


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
