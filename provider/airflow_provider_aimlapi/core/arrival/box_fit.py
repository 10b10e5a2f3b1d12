"""Least squares with each coefficient between two bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SWEEPS_MAX = 400
"""Enough for a dozen columns. Fewer sweeps leave a larger misfit, which could raise a false alarm."""
_STEP_MIN = 1e-3


class Fit(NamedTuple):
    """The best coefficients within their bounds.

    Attributes:
        misfit: the sum of the squared residuals, each divided by its row's deviation.
        coefficients: one for each column.
    """

    misfit: float
    coefficients: tuple[float, ...]


def fit_in_bounds(
    rows: Sequence[Sequence[float]],
    values: Sequence[float],
    deviations: Sequence[float],
    least: Sequence[float],
    most: Sequence[float],
) -> Fit:
    """Fit `values` as sums of the rows' columns, improving one coefficient after the other.

    Args:
        deviations: the possible error of each value, which is the unit of its residual.
        least, most: the bounds of each column's coefficient.
    """
    scaled = [
        [cell / deviation for cell in row] for row, deviation in zip(rows, deviations, strict=True)
    ]
    columns = list(zip(*scaled, strict=True))
    targets = [value / deviation for value, deviation in zip(values, deviations, strict=True)]
    coefficients = list(least)
    residuals = _residuals_of(scaled, targets, coefficients)
    # A column of zeros decides nothing, and would be divided by.
    active = [index for index, column in enumerate(columns) if any(column)]
    squares = [[_dot_product(columns[i], columns[j]) for j in active] for i in active]
    pulls = [_dot_product(columns[index], residuals) for index in active]
    # Coordinate descent: each coefficient moves to its best value within its bounds while the
    # others stay. It converges, because the squared error is convex.
    for _ in range(SWEEPS_MAX):
        longest = 0.0
        for position, index in enumerate(active):
            size = squares[position][position]
            before = coefficients[index]
            after = min(most[index], max(least[index], before + pulls[position] / size))
            coefficients[index] = after
            step = after - before
            # The sums follow each step, so the residuals are computed twice in all.
            pulls = [p - step * s for p, s in zip(pulls, squares[position], strict=True)]
            longest = max(longest, abs(step) * size**0.5)
        if longest < _STEP_MIN:
            break
    residuals = _residuals_of(scaled, targets, coefficients)
    return Fit(_dot_product(residuals, residuals), tuple(coefficients))


def _residuals_of(
    rows: Sequence[Sequence[float]], targets: Sequence[float], coefficients: Sequence[float]
) -> list[float]:
    return [
        target - _dot_product(row, coefficients) for row, target in zip(rows, targets, strict=True)
    ]


def _dot_product(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
