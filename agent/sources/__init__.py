"""Where a window comes from: a CSV file today."""
