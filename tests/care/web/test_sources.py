"""Two devices for one metric, on the patient's page: said in words, and chosen by the clinician."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from devices.payloads import balise_v1
from flows import steps
from ingest.receive import Delivery, land
from sql import people

pytestmark = pytest.mark.stack

PASSWORD = "a long enough password"
PHONE, WATCH, SCALES = "C0:00:00:00:00:0A", "C0:00:00:00:00:0B", "C0:00:00:00:00:0C"
PAGE = "/patients/p-durand"


def walked(device: str, end: datetime, count: int) -> bytes:
    interval = {
        "start_date_time": (end - timedelta(minutes=10)).isoformat(),
        "end_date_time": end.isoformat(),
    }
    body = {
        "step_count": {"value": count, "unit": "steps"},
        "effective_time_frame": {"time_interval": interval},
    }
    return said(device, "step-count", "3.0", body)


def weighed(device: str, at: datetime, kilograms: float) -> bytes:
    body = {
        "body_weight": {"value": kilograms, "unit": "kg"},
        "effective_time_frame": {"date_time": at.isoformat()},
    }
    return said(device, "body-weight", "2.0", body)


def said(device: str, name: str, version: str, body: dict[str, object]) -> bytes:
    schema = {"namespace": "omh", "name": name, "version": version}
    text = json.dumps({"header": {"schema_id": schema}, "body": body})
    return balise_v1.encode_item(
        balise_v1.Item(device=device, convention="open_mhealth", document=text)
    )


@pytest.fixture(scope="module")
def walker(populated: str) -> str:
    """Monsieur Durand walks with a watch and a telephone, and weighs himself with a bag."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0) - timedelta(days=1)
    with psycopg.connect(populated, autocommit=True) as connection:
        subject = people.find(connection, "p-durand")
        assert subject
        for address, name in ((SCALES, "Balance"), (PHONE, "Téléphone"), (WATCH, "Montre")):
            since = now - timedelta(days=9)
            people.give(connection, address, subject.id, since=since, name=name)
        bodies = [
            walked(PHONE, noon, 900),
            *(walked(WATCH, noon + timedelta(hours=hour), 500) for hour in range(3)),
            weighed(SCALES, noon, 80.0),
            weighed(SCALES, noon + timedelta(minutes=1), 92.0),
            weighed(WATCH, noon + timedelta(seconds=20), 80.0),
        ]
        payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
        land(connection, [Delivery(1, 1, "balise/v1/home/frames", payload)], now)
    steps.run_line(populated, now)
    return populated


@pytest.fixture
def nurse(site: str, walker: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, follow_redirects=True) as client:
        client.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
        yield client


def rows(text: str, name: str) -> list[str]:
    return [row for row in text.split("<tr>") if f"<td>{name}</td>" in row]


def test_what_does_not_count_is_shown_with_why(nurse: httpx.Client):
    text = nurse.get(PAGE).text
    kept = "non comptée : Montre est préféré (plus d&#39;heures avec mesure ce jour-là)"
    (phone,) = rows(text, "Téléphone")
    assert kept in phone
    way = re.search(r'href="([^"]+/readings/[^"]+)"', phone)
    assert way
    assert kept in nurse.get(way[1]).text
    assert "Pas : médiane" in text
    assert "Montre : compté 1 jour, gardé sans compter 0 jour" in text


def test_findings_are_shown_with_the_reading_they_compare_with(nurse: httpx.Client):
    text = nurse.get(PAGE).text
    fast, first = rows(text, "Balance")
    assert "variation inhabituelle en si peu de temps" in fast
    assert "variation" not in first
    twice = next(row for row in rows(text, "Montre") if "Poids" in row)
    assert "même mesure que celle de Balance, comptée une fois" in twice
    link = re.search(r'href="([^"]+/readings/[^"]+)"', twice)
    assert link
    other = re.search(r'href="([^"]+)">Voir la mesure comparée', nurse.get(link[1]).text)
    assert other
    assert other[1] in first


def sums(url: str) -> list[float]:
    with psycopg.connect(url) as connection:
        query = "SELECT sum FROM rollup WHERE metric = 'step_count' AND size = 'day'"
        return [row[0] for row in connection.execute(query)]


def device(url: str, address: str) -> int | None:
    with psycopg.connect(url) as connection:
        return people.device(connection, address)


def test_a_clinician_s_choice_is_kept_with_name_and_time_and_can_be_taken_back(
    nurse: httpx.Client, walker: str
):
    assert sums(walker) == [1500]
    phone = device(walker, PHONE)
    text = nurse.post(f"{PAGE}/sources", data={"metric": "step_count", "device": phone}).text
    assert "Préféré pour ce patient : Téléphone, par nurse" in text
    steps.run_line(walker)
    assert sums(walker) == [900]
    text = nurse.get(PAGE).text
    assert "non comptée : Téléphone est préféré (choisi pour ce patient)" in text
    text = nurse.post(f"{PAGE}/sources", data={"metric": "step_count", "device": ""}).text
    assert "Préféré pour ce patient" not in text
    assert len(re.findall(r"<li>[^<]*, nurse : (?:Téléphone|Aucun)</li>", text)) == 2
    steps.run_line(walker)
    assert sums(walker) == [1500]


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({"metric": "nonsense", "device": "{phone}"}, {}),
        ({"metric": "step_count", "device": "{other}"}, {}),
        ({"metric": "step_count", "device": "{phone}"}, {"Origin": "http://evil"}),
    ],
)
def test_a_form_that_means_nothing_changes_nothing(
    nurse: httpx.Client, walker: str, data: dict[str, str], headers: dict[str, str]
):
    others = device(walker, "C0:00:00:00:02:01")
    named = {"phone": device(walker, PHONE), "other": others}
    before = nurse.get(PAGE).text.count(", nurse : ")
    form = {key: value.format(**named) for key, value in data.items()}
    nurse.post(f"{PAGE}/sources", data=form, headers=headers)
    assert nurse.get(PAGE).text.count(", nurse : ") == before


@pytest.mark.browser
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_choice_is_axe_clean_and_fits(
    browser: Browser, site: str, walker: str, language: str, width: int
):
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{site}/sign-in")
    page.fill("#name", "nurse")
    page.fill("#password", PASSWORD)
    page.click("main button")
    if page.get_attribute("html", "lang") != language:
        page.click("header form[action='/language'] button")
    page.goto(f"{site}{PAGE}")
    metric = "Pas" if language == "fr" else "Steps"
    page.locator("article.source", has_text=metric).locator("select").select_option(index=1)
    page.locator("article.source", has_text=metric).locator("button").click()
    page.click("article.source details summary")
    if shots := os.environ.get("BALISE_SCREENSHOTS"):
        page.screenshot(path=Path(shots) / f"sources-{language}-{width}.png", full_page=True)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("tr:has-text('Téléphone') td a")
    assert Axe().run(page).violations_count == 0
    context.close()
