"""Python environments for runs: what is asked for, found on this machine or built once and kept."""
