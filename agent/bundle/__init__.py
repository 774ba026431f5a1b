"""Numbered, signed archives of ticks and verdicts, for networks that are physically apart."""
