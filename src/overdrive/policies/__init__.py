"""What to stop. Pure: a verdict depends on the run, the interval and the history alone."""
