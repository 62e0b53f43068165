"""One form of date for readers."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.windows import DAYS, MONTHS, day


def test_a_date_has_weekday_day_and_month() -> None:
    assert day(date(2015, 1, 27)) == "Tue 27 Jan"
    assert day(date(2024, 12, 1), year=True) == "Sun 1 Dec 2024"


@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)))
def test_the_date_can_be_read_back(when: date) -> None:
    weekday, number, month, year = day(when, year=True).split()
    assert date(int(year), MONTHS.index(month) + 1, int(number)) == when
    assert DAYS.index(weekday) == when.weekday()
    assert day(when + timedelta(days=7)).split()[0] == weekday
