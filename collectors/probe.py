"""What several kinds of probe measure."""

from collectors.base import Metric

RTT = Metric(
    "netfold_probe_rtt_seconds",
    "gauge",
    "Round-trip time of the last round.",
    ("target", "stat"),
)
