"""What is written as a binary COPY is what PostgreSQL reads, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sql import binary

NUMBERS = st.tuples(
    st.integers(-(10**11), 10**11) | st.integers(-999, 999), st.integers(-binary.MOST_DECIMALS, 4)
).filter(lambda one: abs(Decimal(one[0]).scaleb(one[1])) < binary.LARGEST)


def ints(*values: int) -> binary.Ints:
    return np.array(values, dtype=np.int64)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_arrive_as_their_decimals(
    database: psycopg.Connection, numbers: list[tuple[int, int]]
):
    mantissa, exponent = (ints(*part) for part in zip(*numbers, strict=True))
    places = binary.Integer(np.arange(len(numbers)), 4)
    database.execute("CREATE TEMPORARY TABLE IF NOT EXISTS n (place int, value numeric)")
    database.execute("TRUNCATE n")
    with database.cursor().copy("COPY n FROM STDIN (FORMAT binary)") as copy:
        for block in binary.copy([places, binary.numeric(mantissa, exponent)]):
            copy.write(block)
    rows = database.execute("SELECT value::text FROM n ORDER BY place").fetchall()
    expected = [f"{Decimal(one).scaleb(power):f}" for one, power in numbers]
    assert [text for (text,) in rows] == [
        one.removeprefix("-") if not Decimal(one) else one for one in expected
    ]


def test_every_kind_of_column(database: psycopg.Connection):
    at = datetime(2026, 10, 25, 0, 30, 0, 7, tzinfo=UTC)
    microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    database.execute(
        "CREATE TEMPORARY TABLE k (a timestamptz, b int8, c int2, d text, e numeric, f numeric)"
    )
    columns = [
        binary.timestamptz(ints(microseconds, microseconds, 0)),
        binary.Integer(ints(-1, 2**62, 3), 8),
        binary.Integer(ints(-1, 2, 32767), 2),
        binary.Null(3),
        binary.numeric(ints(72, 365, 0), ints(0, -1, 0)),
        binary.numeric(ints(0, 1 << 42, 3), ints(0, 0, 0), zero_is_null=True),
    ]
    with database.cursor().copy("COPY k FROM STDIN (FORMAT binary)") as copy:
        for block in binary.copy(columns):
            copy.write(block)
    assert sorted(database.execute("SELECT * FROM k").fetchall(), key=lambda row: row[1]) == [
        (at, -1, -1, None, Decimal(72), None),
        (datetime(1970, 1, 1, tzinfo=UTC), 3, 32767, None, Decimal(0), Decimal(3)),
        (at, 2**62, 2, None, Decimal("36.5"), Decimal(1 << 42)),
    ]
