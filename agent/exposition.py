"""Samples to the text that Prometheus reads: kept when measured, made text when scraped.

Text 0.0.4 and OpenMetrics 1.0 differ only in their headers and their end, since counters are named
`_total` and infos `_info` throughout; so one rendering of the samples serves both.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate, pairwise
from math import isfinite
from operator import itemgetter
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import exposition as classic
from prometheus_client.openmetrics import exposition as openmetrics

from collectors.base import Metric, Series

CLASSIC_TYPE = classic.CONTENT_TYPE_PLAIN_0_0_4
OPENMETRICS_TYPE = openmetrics.CONTENT_TYPE_LATEST

_NUMBERS = {int, float}
"""What repr writes as a number; of their subclasses it is not known."""


class Exposition:
    """The text of every source (a target's values, a target's state, the agent's facts)."""

    def __init__(self) -> None:
        self._families: dict[Metric, dict[Hashable, tuple[_Form, int]]] = {}
        self._order: list[Metric] = []
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
        form.values, form.until_s = values, until_s

    def drop(self, source: Hashable) -> None:
        """Forget all that a source said."""
        if form := self._forms.pop(source, None):
            for metric in form.families:
                del self._families[metric][source]

    def _begin(self, source: Hashable, form: "_Form") -> "_Form":
        """Let a source say other series than before."""
        self.drop(source)
        self._forms[source] = form
        if new := form.families - self._families.keys():
            self._families |= {metric: {} for metric in new}
            self._order = sorted(self._families, key=lambda it: it.name)
        for place, metric in enumerate(form.families):
            self._families[metric][source] = form, place
        return form

    def render(self, steady_s: float, *, openmetrics_text: bool = False) -> bytes:
        """Join what holds at `steady_s` into one text, each family's samples together."""
        for source in [it for it, form in self._forms.items() if form.until_s <= steady_s]:
            self.drop(source)
        for form in self._forms.values():
            form.fill()
        header = _openmetrics_header if openmetrics_text else _classic_header
        parts: list[bytes] = []
        for metric in self._order:
            if its := self._families[metric]:
                parts.append(header(metric))
                parts += [form.blocks[place] for form, place in its.values()]
        if openmetrics_text:
            # It ends with the one "# EOF"; prometheus_client left it without types.
            tail = openmetrics.generate_latest(self._process)  # type: ignore[no-untyped-call]
        else:
            tail = classic.generate_latest(self._process)
        return b"".join([*parts, tail])


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

    Filled in when somebody reads it, all at once: a sample costs a tenth of a microsecond, which
    counts where there are 100,000, and nothing where a target is measured more often than read.
    """

    def __init__(self, metrics: tuple[Metric, ...], labels: tuple[tuple[str, ...], ...]) -> None:
        self.metrics, self.labels = metrics, labels
        self.values: tuple[float, ...] = ()
        self.until_s = 0.0
        self.blocks: list[bytes] = []
        """The lines of each family."""
        self._filled: tuple[float, ...] | None = None
        places: defaultdict[Metric, list[int]] = defaultdict(list)
        for place, metric in enumerate(metrics):
            places[metric].append(place)
        self.families = places.keys()
        order = [it for its in places.values() for it in its]
        self._sorted = _sorter(order)
        self._series = [_series(metrics[it], labels[it]) for it in order]
        edges = pairwise([0, *accumulate(map(len, places.values()))])
        self._parts = [slice(*it) for it in edges]
        self._templates: list[bytes] = []
        self._types: tuple[type, ...] | None = None
        self._are_plain = True

    def fill(self) -> None:
        """Make `blocks` what the values say now."""
        if self._filled is self.values:
            return
        self._filled = self.values
        values = self._sorted(self.values)
        types = tuple(map(type, values))
        if types != self._types:
            self._mark(types)
        if not self._are_plain:
            values = tuple([it if isinstance(it, int) else float(it) for it in values])
        filled = zip(self._templates, self._parts, strict=True)
        self.blocks = [template % values[part] for template, part in filled]
        if not isfinite(sum(values)):
            self.blocks = [*map(_spelt, self.blocks)]

    def _mark(self, types: tuple[type, ...]) -> None:
        """Make templates for values of these types: whole numbers take half of the time of others.

        Those that are neither int nor float, as numpy's, have to be made such first.
        """
        marks = ("%d" if issubclass(it, int) else "%a" for it in types)
        lines = [f"{it} {mark}\n" for it, mark in zip(self._series, marks, strict=True)]
        self._templates = ["".join(lines[part]).encode() for part in self._parts]
        self._types, self._are_plain = types, _NUMBERS.issuperset(types)


def _columns(
    samples: Iterable[Series],
) -> tuple[tuple[Metric, ...], tuple[float, ...], tuple[tuple[str, ...], ...]]:
    columns: Any = tuple(zip(*samples, strict=True))  # which has no arity for a type checker
    return columns or ((), (), ())


def _sorter(order: list[int]) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    return itemgetter(*order) if order != [*range(len(order))] else tuple


def _series(metric: Metric, labels: Sequence[str]) -> str:
    """Write whose value it is, as a part of a template."""
    pairs = ",".join(
        f'{name}="{_escaped(label)}"' for name, label in zip(metric.labels, labels, strict=True)
    )
    series = f"{metric.name}{{{pairs}}}" if pairs else metric.name
    return series.replace("%", "%%")


def _spelt(lines: bytes) -> bytes:
    """As Prometheus writes what is no number: only a value stands at the end of a line."""
    for ours, its in ((b" nan\n", b" NaN\n"), (b" inf\n", b" +Inf\n"), (b" -inf\n", b" -Inf\n")):
        lines = lines.replace(ours, its)
    return lines


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
