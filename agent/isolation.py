"""A target that must not answer from here: what a round proves of that.

What came from the target itself proves that packets get there, be it a refusal. Silence, and a
router's word that there is no way, is what isolation looks like. All else (a fault of this node, a
name that does not resolve) proves nothing either way.
"""

from collectors.base import Reason, Target
from collectors.probe import Probe

_HELD = {Reason.TIMEOUT, Reason.UNREACHABLE}
_NOTHING_PROVEN = {Reason.LOCAL, Reason.INTERNAL, Reason.RESOLVE}


def must_not_answer(target: Target) -> bool:
    """Whether reaching the target is the fault, and silence the good outcome."""
    return isinstance(target, Probe) and target.expect == "unreachable"


def turned(reason: Reason | None, detail: str, *, answered: bool) -> tuple[Reason | None, str]:
    """Turn what a round came to; None is now that the target was not reached, `reached` a breach.

    `answered` is whether anything came from the target before the round failed: a server that
    takes a connection and then keeps silent was reached, though the round ended in a timeout.
    """
    told = f"{reason}: {detail}" if reason else ""
    if reason in _NOTHING_PROVEN and not answered:
        return reason, f"{detail}; whether it can be reached is not known"
    if reason in _HELD and not answered:
        return None, told
    return Reason.REACHED, "it answered, which it must not" + (f" ({told})" if told else "")
