"""How long and how far ahead: every number that an alert waits for, with its why."""

from agent.app import JUDGE_EVERY_S
from dashboards.alerting.rule import DAY_S

LINK_DOWN_FOR = "5m"
"""A port that negotiates anew and a switch that starts again are back within it."""

SILENT_FOR = "10m"
"""A device that restarts is back within it, and so is what is reached through it."""

WRITE_FAILING_FOR = "15m"
"""A backup holds the history for minutes; a day of ticks fits into memory meanwhile."""

MIGRATION_FOR = "1h"
"""Six assessments: what somebody is just declaring is not yet wrong."""

LATE_S = 3 * JUDGE_EVERY_S
"""Two assessments were left out: one may be, where the machine is busy."""

CERTIFICATE_AHEAD_S = 21 * DAY_S
"""The longest public holiday is nine days: at least eight working days are left after it."""

NOTICE_AHEAD_S = 60 * DAY_S
"""Two monthly rounds of whoever owns, pays for and ends a contract."""
