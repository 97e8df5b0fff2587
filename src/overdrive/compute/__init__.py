"""Where it runs. Knows jobs, not sweeps."""
