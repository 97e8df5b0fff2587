"""Bayesian sampling: a Gaussian process over the search space says where the next run promises most."""

from .sampler import BayesianParameterSampling

__all__ = ["BayesianParameterSampling"]
