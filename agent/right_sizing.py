"""Which lines and groups that must stay could be smaller, and what that would save."""

from collections.abc import Sequence
from typing import NamedTuple

from agent.judge.bounds import Traffic
from agent.judge.right_size import right_size
from agent.judge.status import Status
from config.agent import AgentConfig
from config.inventory import LEAVING, Link, Network

_GONE = ("retired", "funding_cut")


class RightSize(NamedTuple):
    """A smaller bandwidth of each line, and the yuan a year that saves; None: a price is not known.

    Of a group its primaries are meant.
    """

    bandwidth_bps: float
    annual_saving_yuan: float | None


def right_sized(
    config: AgentConfig,
    network: Network,
    lines: Sequence[Link],
    status: Status,
    windows: Sequence[Traffic],
) -> RightSize | None:
    """What a line, or each primary of a group, could be; None if it is right, or is not to stay.

    Only what is proven to be of normal or low use stays and is sized: an idle line is to go, and
    so is one whose network is moving away. `windows` are the policy's and its busy periods, of a
    group those of its sum. A group carries what its primaries do together, so several of them have
    a size only if they are alike: how others would share a smaller sum is nobody's to guess.
    """
    if status not in {Status.NORMAL, Status.LOW_USE} or network.phase in (*LEAVING, *_GONE):
        return None
    if not lines or (len(lines) > 1 and not _are_alike(lines)):
        return None
    policy = config.policy
    together = [len(lines) * it for it in policy.right_sizing.bandwidths]
    found_bps = right_size(windows, policy.links, together)
    if found_bps is None:
        return None
    bandwidth_bps = found_bps / len(lines)
    savings = [_saving_yuan(config, it, bandwidth_bps) for it in lines]
    known = [it for it in savings if it is not None]
    return RightSize(bandwidth_bps, sum(known) if len(known) == len(lines) else None)


def _are_alike(lines: Sequence[Link]) -> bool:
    bandwidths = {it.bandwidth_bps for it in lines}
    return len(bandwidths) == 1 and None not in bandwidths


def _saving_yuan(config: AgentConfig, link: Link, bandwidth_bps: float) -> float | None:
    """What is paid less; one that would cost more saves nothing."""
    fitting = (it.annual_cost_yuan for it in config.prices if it.is_of(link, bandwidth_bps))
    price_yuan = next(fitting, None)
    if price_yuan is None or link.annual_cost_yuan is None:
        return None
    return max(0.0, link.annual_cost_yuan - price_yuan)
