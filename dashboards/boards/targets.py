"""One target of a probe, or a few: round by round."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.availability import PROBE_AVAILABILITY, SLA_MET
from agent.observe import FAILURES, PROBE_INFO, PROBE_SUCCESS
from collectors import dns, http, icmp, probe, tls_chain
from collectors.base import Metric
from dashboards.board import EVERYTHING_OR_NOTHING, board, chosen, few, here, rated, variable
from dashboards.panels import (
    BYTES,
    DATE,
    NUMBER,
    PER_SECOND,
    PERCENT,
    SECONDS,
    YES_NO,
    Column,
    curves,
    rows,
)

TARGETS = "netfold-targets"

_NETWORK = 'network=~"$network"'
_TARGET = 'target=~"$target"'
_LABELS = {"target": "Target", "instance": "Node"}
_NAMED = "{{instance}} {{target}}"


def targets() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        TARGETS,
        "Netfold: targets of probes",
        "What each round of the chosen targets found.",
        {
            "Rounds": _rounds(),
            "Availability": _availability(),
            "Last answer": _last_answer(),
        },
        variable("network", "Network", chosen(PROBE_INFO), everything=EVERYTHING_OR_NOTHING),
        few("target", "Target", chosen(PROBE_INFO, _NETWORK)),
    )


def _of(metric: Metric, *matchers: str) -> str:
    return here(chosen(metric, _TARGET, *matchers))


def _rounds() -> Iterator[Builder[Panel]]:
    yield curves(
        "As it should be",
        "1 for each round that went as it should: an answer, or none from what must not answer.",
        _of(PROBE_SUCCESS),
        _NAMED,
        unit=NUMBER,
    ).span(12)
    yield curves(
        "Failures by reason",
        "Failed attempts a second. The operating manual has a section for each reason.",
        f"sum by (job, instance, target, reason) ({here(rated(FAILURES, _TARGET))})",
        f"{_NAMED} {{{{reason}}}}",
        unit=PER_SECOND,
    ).span(12)
    yield curves(
        "Round-trip time",
        "Of each round; of several packets the mean and the extremes.",
        _of(probe.RTT),
        f"{_NAMED} {{{{stat}}}}",
        unit=SECONDS,
    ).span(12)
    yield curves(
        "Steps",
        "What each step of a round took: looking up, connecting, TLS, the answer.",
        _of(probe.PHASE),
        f"{_NAMED} {{{{phase}}}}",
        unit=SECONDS,
    ).span(12)
    yield curves(
        "Loss",
        "Share of each round's packets without a reply.",
        _of(icmp.LOSS),
        _NAMED,
    ).span(12)
    yield curves(
        "Jitter",
        "Mean difference between consecutive round-trip times of a round.",
        _of(icmp.JITTER),
        _NAMED,
        unit=SECONDS,
    ).span(12)
    yield curves(
        "Hops left",
        "Time to live that the replies arrived with: where it moves, the path did.",
        _of(icmp.REPLY_TTL),
        _NAMED,
        unit=NUMBER,
    ).span(12)
    yield curves(
        "Each address of a name",
        "Mean round-trip time of every address, where all of a name are probed.",
        _of(probe.ADDRESS_RTT),
        f"{_NAMED} {{{{address}}}}",
        unit=SECONDS,
    ).span(12)


def _availability() -> Iterator[Builder[Panel]]:
    def share(bound: str) -> str:
        return _of(PROBE_AVAILABILITY, f'bound="{bound}"')

    yield rows(
        "Availability",
        "Share of the last day and month in which the target was as it should be: at least, and "
        "at most, had it been so whenever nobody looked.",
        _LABELS | {"window": "Window"},
        [
            Column("At least", share("lower"), PERCENT),
            Column("At most", share("upper"), PERCENT),
        ],
        sort_by="At most",
        rising=True,
    ).span(12)
    yield rows(
        "Service levels",
        "The rules of the target's SLA profile that can be decided by what was seen.",
        _LABELS | {"profile": "Profile", "rule": "Rule"},
        [Column("Kept", _of(SLA_MET), YES_NO)],
        sort_by="Kept",
        rising=True,
    ).span(12)


def _last_answer() -> Iterator[Builder[Panel]]:
    yield rows(
        "HTTP",
        "Of the last answer.",
        _LABELS,
        [
            Column("Status", _of(http.STATUS), "none"),
            Column("Version", _of(http.VERSION), "none"),
            Column("Length", _of(http.BODY), BYTES),
            Column("Redirects", _of(http.REDIRECTS), NUMBER),
        ],
        sort_by="Status",
    ).span(12)
    yield rows(
        "DNS",
        "Of the last answer.",
        _LABELS,
        [
            Column("Response code", _of(dns.RCODE), "none"),
            Column("Records", _of(dns.ANSWERS), NUMBER),
            Column("Least time to live", _of(dns.TTL), SECONDS),
            Column("DNSSEC", _of(dns.AUTHENTICATED), YES_NO),
        ],
        sort_by="Response code",
    ).span(12)
    yield rows(
        "Certificates of the chain",
        "Every certificate that the server showed, and the time in which it is valid.",
        _LABELS | {"subject": "Subject", "serial": "Serial number"},
        [
            Column("Begins", f"1000 * {_of(tls_chain.CERTIFICATE_START)}", DATE),
            Column("Ends", f"1000 * {_of(tls_chain.CERTIFICATE_EXPIRY)}", DATE),
        ],
        sort_by="Ends",
        rising=True,
    )
    yield rows(
        "TLS",
        "What was agreed on in the last handshake.",
        _LABELS | {"version": "Version", "cipher": "Cipher"},
        [Column("Agreed", _of(tls_chain.INFO), YES_NO)],
        sort_by="Target",
        rising=True,
    ).span(12)
    yield rows(
        "Issuers",
        "Who issued the server's own certificate.",
        _LABELS | {"issuer": "Issuer"},
        [Column("Issued", _of(tls_chain.ISSUER), YES_NO)],
        sort_by="Target",
        rising=True,
    ).span(12)
    yield rows(
        "Addresses",
        "Whether each address answered the last round, where all of a name are probed.",
        _LABELS | {"address": "Address"},
        [Column("Answered", _of(probe.ADDRESS_SUCCESS), YES_NO)],
        sort_by="Answered",
        rising=True,
    )
