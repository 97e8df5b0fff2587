"""Metrics that nobody logged with us."""
