"""The page of a reading for whose moment the device sent another value, too."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import psycopg
import pytest

from devices.payloads import balise_v1
from flows import steps
from ingest.receive import Delivery, land
from sql import mappings

pytestmark = pytest.mark.stack
PASSWORD = "a long enough password"
PATIENT = "/patients/p-martin"

MAPPING = """
name = "village"
title = "A scale's own application, which numbers what it sends"
source = "made up for this test"
time = {format = "iso", path = "at"}
sequence = "n"
value = [{metric = "body_weight", path = "kg", unit = "kg"}]
[[sample]]
document = '{"at": "2026-02-01T07:00:00Z", "n": 1, "kg": 80}'
expect = {body_weight = "80 kg"}
"""


@pytest.fixture(scope="module")
def conflict(populated: str) -> None:
    """A weight of 81.25 kg, and under the same number and moment one of 64.5 kg."""
    now = datetime.now(UTC)
    documents = [f'{{"at": "{now.isoformat()}", "n": 1, "kg": {kg}}}' for kg in (81.25, 64.5)]
    items = [
        balise_v1.Item(device="import/p-martin", convention="village", document=one)
        for one in documents
    ]
    bodies = [balise_v1.encode_item(item) for item in items]
    payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
    with psycopg.connect(populated, autocommit=True) as connection:
        mappings.keep(connection, "village", MAPPING)
        land(connection, [Delivery(1, 1, "balise/v1/home/frames", payload)], now)
        assert steps.validate(connection).conflicting == 1


@pytest.mark.usefixtures("conflict")
def test_the_list_marks_it_and_its_page_says_what_else_was_sent(site: str):
    with httpx.Client(base_url=site, follow_redirects=True) as nurse:
        nurse.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
        page = nurse.get(PATIENT).text
        assert page.count("une autre valeur aussi envoyée") == 1
        row = next(one for one in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if "81,25" in one)
        assert "une autre valeur aussi envoyée" in row
        link = re.search(r'href="([^"]+)"', row)
        assert link
        french = nurse.get(link[1]).text
        assert "Pour le même instant, l&#39;appareil a aussi envoyé 64,5 kg." in french
        assert "81,25 kg" in french
        nurse.post("/language", data={"back": "/"})
        english = nurse.get(link[1]).text
        assert "For the same moment the device also sent 64.5 kg." in english
        assert "another value sent, too" in english


@pytest.mark.usefixtures("conflict")
def test_a_reading_that_nothing_contradicts_says_nothing_of_it(site: str):
    with httpx.Client(base_url=site, follow_redirects=True) as nurse:
        nurse.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
        rows = re.findall(r"<tr>.*?</tr>", nurse.get(PATIENT).text, re.DOTALL)
        other = next(one for one in rows if "/readings/" in one and "81,25" not in one)
        link = re.search(r'href="([^"]+)"', other)
        assert link
        assert "a aussi envoyé" not in nurse.get(link[1]).text
