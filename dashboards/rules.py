"""Recording rules: the same shares of time that the agent judges by, from the raw counters.

Five-minute rates become counts of ticks once an hour, and those the sums of the policy's window:
of thirty days only 720 values are read. A tick is known a minute after its end and counted at
the next hourly count: the window so ends at most 76 minutes ago. A link that has no
capacity has no shares of its load rules.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from agent.judge.bounds import NOTHING_KNOWN
from agent.judge.rates import TICK_S
from agent.judge.status import Status
from agent.judge.verdict import Outcome
from agent.recorder import LINK_CAPACITY, LINK_RECEIVE, LINK_SEEN_SINCE, LINK_TRANSMIT
from agent.verdict_metrics import TIME_ABOVE
from collectors.base import Metric
from config.policy import LinkPolicy, Rule, load_policy

RECEIVE = "link:netfold_link_receive_bytes:rate5m"
TRANSMIT = "link:netfold_link_transmit_bytes:rate5m"
RATE = "link:netfold_rate_bits_per_second:max5m"
LOAD = "link:netfold_load_ratio:max5m"
IS_ABOVE = "link:netfold_is_above:bool5m"
ABOVE_1H = "link:netfold_ticks_above:sum1h"
SEEN_1H = "link:netfold_ticks_seen:count1h"
ABOVE_30D = "link:netfold_ticks_above:sum30d"
SEEN_30D = "link:netfold_ticks_seen:sum30d"
SHARE = f"link:{TIME_ABOVE.name}:share30d"

_TICK = f"{TICK_S / 60:g}m"
_ONCE = "4m59s999ms"
"""A subquery's steps are aligned to the epoch: within this is one end of a tick."""

_AROUND = "1m59s999ms"
"""From a minute before to a minute after: of counters read every minute two readings."""

_HOUR = "59m59s999ms"
_WINDOW = "29d23h59m59s999ms"
"""Prometheus 2 counts both ends of a range: a millisecond less holds 12 ticks, and 720 hours."""

_DAY_S = 86_400


def recording_rules() -> dict[str, Any]:
    """Everything in a rule file, for the thresholds of the policy that netfold brings.

    Raises:
        ValueError: that policy's window is not the one that the rules are named for.
    """
    policy = load_policy().links
    if policy.window_s != 30 * _DAY_S:
        msg = f"the rules are named for 30 days, the policy's window is {policy.window_s:g} s"
        raise ValueError(msg)
    return {
        "groups": [
            _group("5m", _TICK, [*_five_minutes(), *_above(policy)]),
            _group("1h", "1h", _counts()),  # more often would count a tick more than once
            _group("30d", _TICK, _shares(policy)),
        ]
    }


def _five_minutes() -> Iterator[dict[str, Any]]:
    """The busier direction, where both are known."""
    yield _record(RECEIVE, _rate(LINK_RECEIVE))
    yield _record(TRANSMIT, _rate(LINK_TRANSMIT))
    yield _record(RATE, f"8 * (({RECEIVE} > {TRANSMIT}) or ({TRANSMIT} and {RECEIVE}))")
    yield _record(LOAD, f"{RATE} / (8 * {LINK_CAPACITY.name})")


def _rate(counter: Metric) -> str:
    """Bytes per second of the last whole tick of the epoch: of the same ticks as the agent's.

    The counter at either end of a tick is on the straight line between the readings around it, as
    the agent has it; rate() forgets what crosses between one tick's last reading and the next one.
    A tick without readings around both ends is not seen, nor one in which the counter began anew,
    nor one with a gap that the agent tells: a counter that stands still is no silence then.
    """
    name = counter.name
    start = f"predict_linear({name}[{_AROUND}] offset 4m, -{TICK_S:g})"
    end = f"predict_linear({name}[{_AROUND}] offset -1m, 0)"
    rate = f"({end} - {start}) / {TICK_S:g} and resets({name}[7m] offset -1m) == 0"
    rate += f" and changes({LINK_SEEN_SINCE.name}[7m] offset -1m) == 0"
    return f"last_over_time(({rate})[{_ONCE}:{_TICK}] offset 1m)"


def _above(policy: LinkPolicy) -> Iterator[dict[str, Any]]:
    measured = {"load": LOAD, "rate": RATE}
    for status, rule in _rules(policy):
        expression = f"{measured[rule.measure]} >= bool {rule.threshold:.15g}"
        # The agent's own name for the rule, so that the two can be laid side by side.
        name = str(Outcome(status, rule, NOTHING_KNOWN))
        yield _record(IS_ABOVE, expression, rule=name)


def _rules(policy: LinkPolicy) -> Iterator[tuple[Status, Rule]]:
    for status in (Status.BUSY, Status.IDLE, Status.LOW_USE):
        for rule in getattr(policy, status):
            yield status, rule


def _counts() -> Iterator[dict[str, Any]]:
    yield _record(ABOVE_1H, f"sum_over_time({IS_ABOVE}[{_HOUR}])")
    yield _record(SEEN_1H, f"count_over_time({IS_ABOVE}[{_HOUR}])")


def _shares(policy: LinkPolicy) -> Iterator[dict[str, Any]]:
    """Bound the share from both sides: what was not seen may have been above."""
    ticks = f"{policy.window_s / TICK_S:g}"
    yield _record(ABOVE_30D, f"sum_over_time({ABOVE_1H}[{_WINDOW}])")
    yield _record(SEEN_30D, f"sum_over_time({SEEN_1H}[{_WINDOW}])")
    yield _record(SHARE, f"{ABOVE_30D} / {ticks}", bound="lower")
    yield _record(SHARE, f"({ABOVE_30D} + {ticks} - {SEEN_30D}) / {ticks}", bound="upper")


def _group(chain: str, interval: str, rules: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"name": f"netfold-link-shares-{chain}", "interval": interval, "rules": list(rules)}


def _record(name: str, expression: str, **labels: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"record": name, "expr": expression}
    return rule | {"labels": labels} if labels else rule
