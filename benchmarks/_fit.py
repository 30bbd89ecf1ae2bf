"""How a cost grows: exponents, fitted to points (n, cost)."""

import math
from collections.abc import Sequence

Points = Sequence[tuple[float, float]]
TOLERANCE = 0.15


def exponent(points: Points) -> float:
    """The slope of log(cost) over log(n), fitted by least squares."""
    logs = [(math.log(n), math.log(cost)) for n, cost in points]
    x, y = (sum(axis) / len(logs) for axis in zip(*logs))
    return sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)


def halves(points: Points) -> tuple[float, float]:
    """The exponents of the lower and of the upper half; a point in the middle is of both."""
    half = (len(points) + 1) // 2
    return exponent(points[:half]), exponent(points[-half:])


def bends_up(points: Points, expected: float) -> bool:
    """Does the upper half grow faster than the lower one, and than it should?

    What is linear costs a constant beside: it comes up to an exponent of one from
    below, which is no bend. What is flat may be noisy around nought.
    """
    lower, upper = halves(points)
    return upper > max(lower, expected) + TOLERANCE
