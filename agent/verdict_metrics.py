"""What /metrics says of the verdicts, and of what they rest on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.judge.status import OF_LINES, OF_SYSTEMS
from agent.judge.tenure import Tenure
from agent.systems import SystemVerdict
from agent.verdict import Verdict, is_wholly_low
from collectors.base import Metric, Sample
from config.agent import AgentConfig

KINDS = ("link", "group", "network", "server", "system")


def _of_each(suffix: str, help_text: str, *labels: str) -> dict[str, Metric]:
    return {
        kind: Metric(
            f"netfold_{kind}_verdict{suffix}", "gauge", help_text.format(kind), (kind, *labels)
        )
        for kind in KINDS
    }


VERDICT = _of_each("", "1 for the verdict that the {} has, 0 for the others.", "status")
SINCE = _of_each("_since_timestamp_seconds", "Since when the {} has its verdict.")
CONFIRMED = _of_each(
    "_confirmed", "Whether the {} has been idle, of low use or unused long enough."
)
LOAD = Metric(
    "netfold_link_load_ratio",
    "gauge",
    "Load of the link in the seen part of the policy's window.",
    ("link", "stat"),
)
SEEN = Metric(
    "netfold_link_seen_ratio", "gauge", "Share of the policy's window that was seen.", ("link",)
)
TIME_ABOVE = Metric(
    "netfold_link_time_above_ratio",
    "gauge",
    "Share of the window at or above the threshold of a rule: at least, and at most.",
    ("link", "rule", "bound"),
)
RIGHT_SIZE = {
    "link": Metric(
        "netfold_link_right_size_bytes_per_second",
        "gauge",
        "Smallest usual bandwidth at which a link that must stay would not be busy, if smaller.",
        ("link",),
    ),
    "group": Metric(
        "netfold_group_right_size_bytes_per_second",
        "gauge",
        "Smallest usual bandwidth of each primary at which a group that must stay would not be "
        "busy, if smaller.",
        ("group",),
    ),
}
SAVING = {
    kind: Metric(
        f"netfold_{kind}_right_size_saving_yuan",
        "gauge",
        "What that bandwidth would save a year, at the prices of the configuration.",
        (kind,),
    )
    for kind in RIGHT_SIZE
}
RECLAIMABLE = Metric(
    "netfold_network_reclaimable_yuan",
    "gauge",
    "Yearly cost of the network if it is idle or of low use with all its links, else of those "
    "that are.",
    ("network",),
)
POLICY_INFO = Metric("netfold_policy_info", "info", "Which policy judges.", ("hash",))
LAST_RUN = Metric(
    "netfold_assessment_last_run_timestamp_seconds", "gauge", "When the agent last judged."
)
WATCHED = Metric(
    "netfold_system_watched_ratio",
    "gauge",
    "Share of the policy's window in which the system's clients were watched.",
    ("system",),
)
MISSED = Metric(
    "netfold_system_missed_connections_ratio",
    "gauge",
    "Share of the connections accepted in the window, on all ports, that no look saw.",
    ("system",),
)
METRICS = (
    *(WATCHED, MISSED),
    *(*VERDICT.values(), *SINCE.values(), *CONFIRMED.values()),
    *(LOAD, SEEN, TIME_ABOVE, *RIGHT_SIZE.values(), *SAVING.values()),
    *(RECLAIMABLE, POLICY_INFO, LAST_RUN),
)


def samples(
    config: AgentConfig,
    verdicts: Sequence[Verdict | SystemVerdict],
    tenures: Mapping[tuple[str, str], Tenure],
    at_s: float,
) -> Iterator[Sample]:
    """Say all of one round."""
    yield Sample(POLICY_INFO, 1, (config.policy.hash,))
    yield Sample(LAST_RUN, at_s)
    for one in verdicts:
        tenure = tenures[one.kind, one.subject]
        for status in OF_SYSTEMS if one.kind == "system" else OF_LINES:
            yield Sample(VERDICT[one.kind], int(one.status is status), (one.subject, status.value))
        yield Sample(SINCE[one.kind], tenure.since_s, (one.subject,))
        yield Sample(CONFIRMED[one.kind], int(tenure.confirmed), (one.subject,))
        if isinstance(one, SystemVerdict):
            yield from _of_system(one)
        elif one.kind in RIGHT_SIZE:
            yield from _right_size(one)
        if isinstance(one, Verdict) and one.kind == "link":
            yield from _of_link(one)
    yield from _reclaimable(config, verdicts)


def _of_link(one: Verdict) -> Iterator[Sample]:
    evidence = one.main_evidence
    if evidence is None:
        return
    yield Sample(SEEN, evidence.seen_ratio, (one.subject,))
    for stat in ("mean", "p50", "p95", "p99", "peak"):
        if (value := getattr(evidence, stat)) is not None:
            yield Sample(LOAD, value, (one.subject, stat))
    for outcome in one.judgement.outcomes:
        for bound, share in zip(("lower", "upper"), outcome.share, strict=True):
            yield Sample(TIME_ABOVE, share, (one.subject, str(outcome), bound))


def _right_size(one: Verdict) -> Iterator[Sample]:
    if (size := one.right_size) is not None:
        yield Sample(RIGHT_SIZE[one.kind], size.bandwidth_bps / 8, (one.subject,))
        if size.annual_saving_yuan is not None:
            yield Sample(SAVING[one.kind], size.annual_saving_yuan, (one.subject,))


def _of_system(one: SystemVerdict) -> Iterator[Sample]:
    yield Sample(WATCHED, one.evidence.watched_ratio, (one.subject,))
    if (ratio := one.evidence.missed_ratio) is not None:
        yield Sample(MISSED, ratio, (one.subject,))


def _reclaimable(
    config: AgentConfig, verdicts: Iterable[Verdict | SystemVerdict]
) -> Iterator[Sample]:
    """What is not declared is absent: a network without a known cost has no such sample."""
    statuses = {(it.kind, it.subject): it.status for it in verdicts}
    low = {it for it, status in statuses.items() if status.is_low}
    for network in config.networks:
        links = [it for it in config.links if it.network == network.name]
        costs = [it.annual_cost_yuan for it in links if ("link", it.name) in low]
        if is_wholly_low(network.name, (it.name for it in links), statuses):
            costs = [network.annual_cost_yuan]
        known = [cost for cost in costs if cost is not None]
        if known or not costs:
            yield Sample(RECLAIMABLE, sum(known), (network.name,))
