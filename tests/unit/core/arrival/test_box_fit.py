"""Least squares within bounds."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.arrival.box_fit import fit_in_bounds


def test_exact_line_is_found() -> None:
    rows = [(1.0, float(x)) for x in range(6)]
    found = fit_in_bounds(rows, [3 + 2 * x for _, x in rows], [1.0] * 6, (0, 0), (10, 10))
    assert found.coefficients == pytest.approx((3, 2), abs=0.01)
    assert found.misfit == pytest.approx(0, abs=0.01)


def test_coefficients_stay_within_bounds() -> None:
    rows = [(1.0, float(x)) for x in range(6)]
    found = fit_in_bounds(rows, [3 + 2 * x for _, x in rows], [1.0] * 6, (0, 0), (1, 1.5))
    assert found.coefficients == pytest.approx((1, 1.5))
    assert found.misfit == pytest.approx(sum((2 + 0.5 * x) ** 2 for _, x in rows))


def test_residuals_are_measured_in_deviations() -> None:
    found = fit_in_bounds([(1.0,), (1.0,)], [0.0, 8.0], [4.0, 4.0], (0,), (10,))
    assert found.coefficients == pytest.approx((4,))
    assert found.misfit == pytest.approx(2)


def test_empty_column_keeps_its_lower_bound() -> None:
    found = fit_in_bounds([(1.0, 0.0), (1.0, 0.0)], [5.0, 5.0], [1.0, 1.0], (0, 0.3), (10, 1))
    assert found.coefficients == pytest.approx((5, 0.3))
