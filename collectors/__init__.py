"""What measures: one file a kind of target. Knows nothing of history, policy or the web."""
