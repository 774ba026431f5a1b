"""What is said of every link, whoever counts its octets: a device by SNMP or this host."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from collectors.base import Metric

UP = Metric(
    "netfold_link_up", "gauge", "Whether the link's interface is up (ifOperStatus).", ("link",)
)
RECEIVE_ERRORS = Metric(
    "netfold_link_receive_errors_total", "counter", "Received packets with errors.", ("link",)
)
TRANSMIT_ERRORS = Metric(
    "netfold_link_transmit_errors_total", "counter", "Packets not sent for errors.", ("link",)
)
RECEIVE_DISCARDS = Metric(
    "netfold_link_receive_discards_total", "counter", "Good received packets dropped.", ("link",)
)
TRANSMIT_DISCARDS = Metric(
    "netfold_link_transmit_discards_total", "counter", "Good outbound packets dropped.", ("link",)
)
PORT_SPEED = Metric(
    "netfold_link_port_speed_bytes_per_second",
    "gauge",
    "Speed of the port the link is bound to, not of its contract.",
    ("link",),
)
METRICS = (UP, RECEIVE_ERRORS, TRANSMIT_ERRORS, RECEIVE_DISCARDS, TRANSMIT_DISCARDS, PORT_SPEED)


class BoundLink(BaseModel):
    """A link, and how its interface is recognised: its `by` is exactly `value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str
    by: Literal["name", "alias", "description", "index"]
    value: str
