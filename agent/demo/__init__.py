"""A city's department to look at: simulated devices, real everything else."""
