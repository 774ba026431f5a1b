"""Which lines that must stay could be smaller, and what that would save."""

from collections.abc import Sequence
from typing import NamedTuple

from agent.judge.bounds import Traffic
from agent.judge.right_size import right_size
from agent.judge.status import Status
from config.agent import AgentConfig
from config.inventory import LEAVING, Link, Network

_GONE = ("retired", "funding_cut")


class RightSize(NamedTuple):
    """A smaller bandwidth, and the yuan a year it saves; None where a price is not known."""

    bandwidth_bps: float
    annual_saving_yuan: float | None


def right_sized(
    config: AgentConfig,
    network: Network,
    link: Link,
    status: Status,
    windows: Sequence[Traffic],
) -> RightSize | None:
    """What a line could be instead; None if it is as it should be, or is not to stay.

    Only what is proven to be of normal or low use stays and is sized: an idle line is to go, and
    so is one whose network is moving away. `windows` are the policy's and its busy periods.
    """
    if status not in {Status.NORMAL, Status.LOW_USE} or network.phase in (*LEAVING, *_GONE):
        return None
    policy = config.policy
    bandwidth_bps = right_size(windows, policy.links, policy.right_sizing.bandwidths)
    if bandwidth_bps is None:
        return None
    return RightSize(bandwidth_bps, _saving_yuan(config, link, bandwidth_bps))


def _saving_yuan(config: AgentConfig, link: Link, bandwidth_bps: float) -> float | None:
    """What is paid less; one that would cost more saves nothing."""
    fitting = (it.annual_cost_yuan for it in config.prices if it.is_of(link, bandwidth_bps))
    price_yuan = next(fitting, None)
    if price_yuan is None or link.annual_cost_yuan is None:
        return None
    return max(0.0, link.annual_cost_yuan - price_yuan)
