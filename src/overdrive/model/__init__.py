"""Values: search spaces, metrics, records and history. No I/O, no clock, no hidden randomness."""
