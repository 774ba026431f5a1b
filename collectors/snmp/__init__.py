"""SNMP: the one place that speaks it."""
