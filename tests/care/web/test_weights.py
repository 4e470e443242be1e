"""What pages weigh on a slow line, and how long a slow machine waits for them."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import psycopg
import pytest

from care.web.pages import LISTED

pytestmark = pytest.mark.stack

METRICS = (
    "body_weight",
    "systolic_blood_pressure",
    "diastolic_blood_pressure",
    "heart_rate",
    "oxygen_saturation",
)


def test_a_page_of_ninety_days_and_five_metrics(nurse: httpx.Client, populated: str):
    last = date.today()  # noqa: DTZ011 - a day more or less is no matter
    days = [last - timedelta(days=back) for back in range(95)]
    with psycopg.connect(populated, autocommit=True) as database:
        for metric in METRICS:
            database.execute(
                "INSERT INTO rollup (subject, metric, size, bucket_start, day, n, min, max, mean,"
                " median, sum, first, last, coverage)"
                " SELECT subject.id, %s, 'day', one::timestamptz, one, 4, 101.4, 138.2, 120, 119.7,"
                " 480, 120, 121, 0.2 FROM subject, unnest(%s::date[]) AS one"
                " WHERE code = 'p-durand' ON CONFLICT DO NOTHING",
                (metric, days),
            )
        page = nurse.get("/patients/p-durand", params={"days": 90})
        database.execute("DELETE FROM rollup WHERE coverage = 0.2 AND mean = 120 AND sum = 480")
    assert page.text.count("<figure>") >= len(METRICS)
    assert page.text.count('<tr><th scope="row">') >= 89 * len(METRICS)
    assert page.num_bytes_downloaded <= 60_000


def test_ten_pages_of_the_list_are_five_hundred_patients(nurse: httpx.Client):
    page = nurse.get("/")
    rows = page.text[page.text.index("<tbody>") : page.text.index("</tbody>")].encode()
    around = len(page.content) - len(rows)
    # Before it is compressed, and as if every row were of a patient of these.
    assert around + LISTED * len(rows) / rows.count(b"<tr>") <= 50_000
    assert page.headers["content-encoding"] == "gzip"
