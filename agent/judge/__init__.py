"""Pure functions from readings to verdicts: no clock, no files, no network."""
