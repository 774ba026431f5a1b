"""What is said of every server, whoever reads it: this host or, of another, SNMP."""

from collectors.base import Metric

CPU = Metric(
    "netfold_server_cpu_ratio", "gauge", "Busy share of the CPU time of all cores.", ("server",)
)
CORES = Metric("netfold_server_cores", "gauge", "Logical CPUs.", ("server",))
MEMORY = Metric("netfold_server_memory_bytes", "gauge", "Memory there is.", ("server",))
MEMORY_USED = Metric(
    "netfold_server_memory_used_ratio",
    "gauge",
    "Share of the memory that is not available to programs.",
    ("server",),
)
SWAP = Metric("netfold_server_swap_bytes", "gauge", "Swap space there is.", ("server",))
SWAP_USED = Metric("netfold_server_swap_used_bytes", "gauge", "Swap space in use.", ("server",))
RECEIVE = Metric(
    "netfold_server_receive_bytes_total",
    "counter",
    "Bytes received by the server's physical interfaces.",
    ("server",),
)
TRANSMIT = Metric(
    "netfold_server_transmit_bytes_total",
    "counter",
    "Bytes sent by the server's physical interfaces.",
    ("server",),
)
FILESYSTEM = Metric(
    "netfold_server_filesystem_bytes", "gauge", "Size of a filesystem.", ("server", "mountpoint")
)
FILESYSTEM_USED = Metric(
    "netfold_server_filesystem_used_bytes",
    "gauge",
    "Space in use on a filesystem.",
    ("server", "mountpoint"),
)
METRICS = (
    CPU,
    CORES,
    MEMORY,
    MEMORY_USED,
    SWAP,
    SWAP_USED,
    RECEIVE,
    TRANSMIT,
    FILESYSTEM,
    FILESYSTEM_USED,
)
