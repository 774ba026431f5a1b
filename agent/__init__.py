"""The running process: wakes collectors, keeps history, judges, serves."""
