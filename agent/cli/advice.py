"""What to try when something could not be measured, in the words of docs/operating.md."""

from collectors.base import Reason

MANUAL = "docs/operating.md"

_ADVICE = {
    Reason.RESOLVE: "check the name, or give the IP address",
    Reason.REFUSED: "nobody listens there: check the port, and that the service runs",
    Reason.TIMEOUT: "check the address, the way there and the far side's access list; "
    "if it is only slow, raise timeout",
    Reason.UNREACHABLE: "check the address and the way there",
    Reason.RESET: "something on the way, or the service itself, ends connections: see its log",
    Reason.TLS_VERIFY: "check the name that is asked for, and give the CA that signs it",
    Reason.TLS_EXPIRED: "renew the certificate, and check the clocks of both sides",
    Reason.UNSUPPORTED_PROTOCOL: "it is there: ask which protocols it speaks, TLCP perhaps",
    Reason.UNEXPECTED_CONTENT: "compare what came with what the configuration expects",
    Reason.REACHED: "look what on the way lets this node through: a route, a rule, a second line",
    Reason.LOCAL: "the fault is on this node: see its routes, addresses, firewall and limits",
    Reason.AUTH: "check what the device lets this user or community read",
    Reason.UNKNOWN_USER: "check the name, and that the user was made on this device",
    Reason.WRONG_DIGEST: "check auth.secret and auth.protocol against the device's",
    Reason.DECRYPTION_ERROR: "check priv.secret and priv.protocol against the device's",
    Reason.NOT_IN_TIME_WINDOW: "set the device's engine id anew, or update its software",
    Reason.UNSUPPORTED_LEVEL: "give the user there what is asked for: authentication and privacy",
}
_SNMP_TIMEOUT = "check the address, the way there (UDP), the device's access list and, for v2c, "
_SNMP_TIMEOUT += "the community: a device keeps silent at a wrong one"
_SNMP_UNEXPECTED = "check that it is an SNMP agent; net-snmp's snmpwalk shows more"


def advised(reason: Reason, detail: str, *, snmp: bool = False) -> str:
    """Say in one line why something failed and what to try."""
    advice = advice_on(reason, snmp=snmp)
    return f"{reason}: {detail}" + (f"; {advice}" if advice else "")


def advice_on(reason: Reason, *, snmp: bool = False) -> str | None:
    """Say what to try; None where the message itself says all."""
    if snmp and reason is Reason.TIMEOUT:
        return _SNMP_TIMEOUT
    if snmp and reason is Reason.UNEXPECTED_CONTENT:
        return _SNMP_UNEXPECTED
    return _ADVICE.get(reason)
