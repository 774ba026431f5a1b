"""What all alerts have: a severity, a runbook, and their words in English and Chinese."""

from typing import Any, Literal, NamedTuple

RUNBOOKS = "docs/operating.md"

DAY_S = 86_400

Severity = Literal["info", "warning", "critical"]
"""`info` goes into a digest, `warning` to whoever operates, `critical` wakes somebody."""


class Said(NamedTuple):
    """One language: a line, and what was seen."""

    summary: str
    description: str


def alert(
    name: str,
    expression: str,
    severity: Severity,
    *,
    english: Said,
    chinese: Said,
    lasting: str | None = None,
) -> dict[str, Any]:
    """One rule; it fires once `expression` has held for `lasting`, at once without it."""
    annotations = {
        "summary": english.summary,
        "description": english.description,
        "summary_zh": chinese.summary,
        "description_zh": chinese.description,
        "runbook_url": f"{RUNBOOKS}#{name.lower()}",
    }
    return {
        "alert": name,
        "expr": expression,
        **({"for": lasting} if lasting else {}),
        "labels": {"severity": severity},
        "annotations": annotations,
    }
