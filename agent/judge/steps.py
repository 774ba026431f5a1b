"""The steps of a migration, in their order, and how far along each is."""

from typing import get_args

from config.register import Phase, Step

STEPS: tuple[Phase, ...] = get_args(Step)
"""The way of a network whose lines are given back; `interconnected` ends the other one."""

LEFT: tuple[Phase, ...] = ("cut_over", "observing", "retired", "funding_cut")
"""Declared so, nothing should cross the old lines any more."""


def rank(phase: Phase | None) -> int:
    """How far along a phase is; one beside the way counts as the step that it is like."""
    alike: dict[Phase | None, Phase] = {"reverted": "dual_running", "interconnected": "retired"}
    step = alike.get(phase, phase)
    return STEPS.index(step) + 1 if step in STEPS else 0
