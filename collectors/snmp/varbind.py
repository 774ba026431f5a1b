"""What an SNMP device says."""

Value = int | bytes | str | None
"""A number, octets, an OID in dots, or None: the device has no such value."""
