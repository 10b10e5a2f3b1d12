"""Dates, times and durations read as Python's own do, and go on where those end."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.iso_texts import (
    find_zone,
    iso_date,
    iso_duration,
    iso_time,
    iso_timestamp,
)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive
US = timedelta(microseconds=1)


@given(day=st.dates())
def test_a_date_is_pythons(day: date) -> None:
    assert iso_date((day - EPOCH.date()).days) == day.isoformat()


@given(day=st.dates(), cycles=st.integers(-20_000, 20_000))
def test_the_calendar_repeats_after_400_years(day: date, cycles: int) -> None:
    text = iso_date((day - EPOCH.date()).days + cycles * 146_097)
    sign = -1 if text.startswith("-") else 1
    year, month, of_month = text.lstrip("+-").rsplit("-", 2)
    assert sign * int(year) == day.year + 400 * cycles
    assert (int(month), int(of_month)) == (day.month, day.day)
    assert text.startswith("+") == (sign * int(year) > 9999)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (-719_163, "0000-12-31"),
        (-719_162, "0001-01-01"),
        (-719_529, "-0001-12-31"),
        (2_932_896, "9999-12-31"),
        (2_932_897, "+10000-01-01"),
        (2**31 - 1, "+5881580-07-11"),
        (-(2**31), "-5877641-06-23"),
    ],
)
def test_a_date_outside_of_pythons_calendar_reads(days: int, text: str) -> None:
    assert iso_date(days) == text


@given(moment=st.times())
def test_a_time_is_pythons(moment: time) -> None:
    since = datetime.combine(EPOCH.date(), moment) - EPOCH
    assert iso_time(since // US * 1000) == moment.isoformat()


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (1, "00:00:00.000000001"),
        (1000, "00:00:00.000001"),
        (86_400 * 10**9, "24:00:00"),
        (-(10**9), "-00:00:01"),
    ],
)
def test_a_time_that_python_lacks_reads(ns: int, text: str) -> None:
    assert iso_time(ns) == text


@given(moment=st.datetimes())
def test_a_moment_is_pythons(moment: datetime) -> None:
    ns = (moment - EPOCH) // US * 1000
    assert iso_timestamp(ns) == moment.isoformat()
    assert iso_timestamp(ns, UTC) == moment.replace(tzinfo=UTC).isoformat()


@given(
    moment=st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001
    name=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "-02:15"]),
)
def test_a_moment_in_a_zone_is_pythons(moment: datetime, name: str) -> None:
    zone = timezone(-timedelta(hours=2, minutes=15)) if name == "-02:15" else ZoneInfo(name)
    expected = moment.replace(tzinfo=UTC).astimezone(zone).isoformat()
    assert iso_timestamp((moment - EPOCH) // US * 1000, find_zone(name)) == expected


@given(ns=st.integers(-(2**80), 2**80))
def test_any_moment_reads(ns: int) -> None:
    assert "T" in iso_timestamp(ns)
    in_zone = iso_timestamp(ns, ZoneInfo("Europe/Berlin"))
    assert re.search(r"T[\d:.]+[+-]\d\d:\d\d(:\d\d)?$", in_zone)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "PT0S"),
        (1, "PT0.000000001S"),
        (-1_500_000_000, "-PT1.5S"),
        (60 * 10**9, "PT1M"),
        (86_400 * 10**9, "P1D"),
        ((86_400 + 2 * 3600 + 3 * 60 + 4) * 10**9 + 5000, "P1DT2H3M4.000005S"),
        (400 * 86_400 * 10**9, "P400D"),
    ],
)
def test_a_duration_reads_as_iso_8601(ns: int, text: str) -> None:
    assert iso_duration(ns) == text


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "America", "+99:00", "\x00"])
def test_a_zone_that_is_none_is_not_found(name: str) -> None:
    assert find_zone(name) is None
