"""Test functions on [-5, 5]^d with a known minimum of 0: the 24 of the BBOB suite (Hansen, Finck, Ros and
Auger 2009, RR-6829) from the package `ioh`, and classical ones shifted off the centre.

x is an array of shape (d,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Function = Callable[[Array], float]


def bbob(kind: int, d: int, instance: int) -> Function:
    """BBOB's f<kind> in d dimensions, less its value at the optimum."""
    import ioh

    problem = ioh.get_problem(kind, instance, d, ioh.ProblemClass.BBOB)
    least = problem.optimum.y
    return lambda x: max(float(problem(x.tolist())) - least, 0.0)


def branin(x: Array) -> float:
    a, b = 1.5 * x[0] + 2.5, 1.5 * (x[1] + 5)
    value = (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
    return float(value + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10 - 0.39788735772973816)


_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(x: Array) -> float:
    z = (x + 5) / 10
    peaks = np.exp(-np.sum(_HARTMANN_A * (z - _HARTMANN_P) ** 2, axis=1))
    return float(3.322368011391339 - peaks @ np.array([1, 1.2, 3, 3.2]))


def ackley(x: Array) -> float:
    z = 3 * (x - np.linspace(-2.3, 2.9, len(x)))
    bowl = -20 * np.exp(-0.2 * np.sqrt(np.mean(z**2)))
    return float(bowl - np.exp(np.mean(np.cos(2 * np.pi * z))) + 20 + np.e)


def levy(x: Array) -> float:
    w = 1 + (2 * (x - np.linspace(2.1, -1.7, len(x)))) / 4
    inner = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float(np.sin(np.pi * w[0]) ** 2 + inner + last)


def griewank(x: Array) -> float:
    z = 20 * (x - np.linspace(-1.9, 2.7, len(x)))
    return float(np.sum(z**2) / 4000 - np.prod(np.cos(z / np.sqrt(np.arange(1, len(x) + 1)))) + 1)


def styblinski(x: Array) -> float:
    return float(np.sum(x**4 - 16 * x**2 + 5 * x) / 2 / len(x) + 39.16616570377142)
