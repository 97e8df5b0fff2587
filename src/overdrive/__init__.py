"""Overdrive: hyperparameter tuning for any training script."""

__version__ = "0.1.0"
