"""What to try next. Pure: the answer depends on (space, history, run number, seed) alone."""
