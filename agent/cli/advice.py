"""What to try when something could not be measured, in the words of docs/operating.md."""

from collectors.base import Reason

_ADVICE = {
    Reason.RESOLVE: "check the name, or give the IP address",
    Reason.REFUSED: "nobody listens there: check the port, and that the service runs",
    Reason.TIMEOUT: "check the address, the way there and the far side's access list",
    Reason.UNREACHABLE: "check the address and the way there",
    Reason.AUTH: "check the user, both protocols and secrets, and what the device lets them read",
}
_SNMP_TIMEOUT = "check the address, the way there (UDP), the device's access list and, for v2c, "
_SNMP_TIMEOUT += "the community: a device keeps silent at a wrong one"
_SNMP_UNEXPECTED = "check that it is an SNMP agent; net-snmp's snmpwalk shows more"


def advised(reason: Reason, detail: str, *, snmp: bool = False) -> str:
    """Say in one line why something failed and what to try."""
    advice = _ADVICE.get(reason)
    if snmp and reason is Reason.TIMEOUT:
        advice = _SNMP_TIMEOUT
    if snmp and reason is Reason.UNEXPECTED_CONTENT:
        advice = _SNMP_UNEXPECTED
    return f"{reason}: {detail}" + (f"; {advice}" if advice else "")
