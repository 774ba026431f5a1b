"""One Grafana board a file."""
