"""What a clinician comes to do, in a real Chromium without JavaScript: one task, few clicks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pypdfium2
import pytest
from playwright.sync_api import Browser, Page

from care.plan import Plan
from flows import judging
from sql import plans

pytestmark = [pytest.mark.stack, pytest.mark.browser]
PASSWORD = "a long enough password"


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(
        java_script_enabled=False, locale="fr", viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    page.goto(f"{site}/sign-in")
    page.fill("#name", "nurse")
    page.fill("#password", PASSWORD)
    page.click("main button")
    yield page
    context.close()


def shot(page: Page, name: str) -> None:
    """Keep what it looks like, where somebody wants to see it."""
    if folder := os.environ.get("BALISE_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"task-{name}.png", full_page=True)


def test_find_who_needs_attention(page: Page):
    first = page.locator("tbody tr").first
    assert "Martin" in first.inner_text()
    assert "kg en" in first.inner_text()
    shot(page, "find")
    page.fill("#name", "petit")
    page.click("form[role=search] button")
    assert page.locator("tbody tr").count() == 1
    assert "Petit" in page.locator("tbody tr").inner_text()


def test_see_why_in_two_clicks_down_to_the_bytes(page: Page):
    page.click("tbody tr:first-child th a")
    shot(page, "why")
    signal = page.locator("article.signal").first
    assert "Prise de poids, version" in signal.inner_text()
    signal.locator("a").first.click()
    shot(page, "evidence")
    page.locator("tbody a").first.click()
    assert "body_weight" in page.content()
    shot(page, "bytes")


def test_from_any_figure_two_clicks_lead_to_the_bytes(page: Page, site: str):
    page.goto(f"{site}/patients/p-durand")
    page.locator("dl.figures a").first.click()
    shot(page, "figure")
    page.locator("tbody a").first.click()
    assert "blood_pressure" in page.content()


def test_from_a_sensors_profile_two_clicks_lead_to_the_bytes(page: Page, site: str):
    page.goto(f"{site}/patients/p-roux")
    page.locator("figure", has=page.locator("svg")).locator(
        "a[href$='/figures/glucose_mean']"
    ).click()
    assert page.locator("tbody tr").count() == 200
    page.locator("tbody a").first.click()
    assert page.locator("pre.bytes").inner_text()


@pytest.mark.parametrize("code", ["p-bernard", "p-roux"])
def test_a_chart_shows_its_bands(page: Page, site: str, code: str):
    page.goto(f"{site}/patients/{code}")
    bands = page.locator("svg polygon.band").all()
    assert bands
    assert all(one.bounding_box() for one in bands)


def test_from_any_days_point_two_clicks_lead_to_the_bytes(page: Page, site: str):
    page.goto(f"{site}/patients/p-martin")
    figure = page.locator("figure", has_text="Poids")
    figure.locator("summary").click()
    figure.locator("tbody a").first.click()
    shot(page, "day")
    value = page.locator("tbody td").nth(1).inner_text()
    page.locator("tbody a").first.click()
    assert value in page.locator("dl").inner_text()
    assert "body_weight" in page.content()


def test_act_and_leave_word_for_the_next(page: Page):
    page.click("tbody a:has-text('Bernard')")
    signal = page.locator("article.signal").first
    signal.get_by_role("button", name="Prendre en charge").click()
    assert "En cours, nurse" in page.locator("article.signal").first.inner_text()
    page.fill("#note", "Rappelée à 10 h, mesure refaite demain.")
    page.click("#notes button")
    assert "Rappelée à 10 h" in page.locator("#notes li").first.inner_text()
    signal = page.locator("article.signal").first
    signal.locator("select").select_option("measured_badly")
    signal.get_by_role("button", name="Clore").click()
    closed = page.locator("article.signal.closed").first
    assert "Mesure mal prise" in closed.inner_text()
    shot(page, "acted")
    closed.get_by_role("button", name="Rouvrir").click()
    assert page.locator("article.signal").first.get_by_role("button", name="Clore").count() == 1


def test_set_a_limit_and_see_who_set_it(page: Page, site: str):
    page.goto(f"{site}/patients/p-durand")
    page.click("main a[href$='/plan']")
    page.fill("input[name='limit.very_high_systolic']", "170")
    page.locator("form:has(input[name='over']) button").first.click()
    assert "170 mmHg" in page.content()
    assert "signé par nurse" in page.content()
    shot(page, "plan")


def test_say_at_once_that_all_who_are_well_were_looked_at(page: Page, site: str, populated: str):
    with psycopg.connect(populated, autocommit=True) as database:
        [(subject,)] = database.execute("SELECT id FROM subject WHERE code = 'p-moreau'")
        plans.sign(database, subject, Plan().content(), over=0, who="doctor")
        judging.assess(database, datetime.now(UTC))
    page.goto(site)
    shot(page, "well")
    page.click("form[action='/looked'] button")
    assert "Noté pour" in page.locator(".notice[role=status]").inner_text()
    assert page.locator("form[action='/looked']").count() == 0


def test_print_a_page_that_says_all_without_its_buttons(page: Page, site: str, tmp_path: Path):
    page.goto(f"{site}/patients/p-martin?days=90")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    printed = pypdfium2.PdfDocument(tmp_path / "page.pdf")
    sheets = [one.get_textpage().get_text_range() for one in printed]
    assert len(sheets) > 2
    assert all("Martin Odette, Né(e) le" in one for one in sheets)  # each says whose it is
    text = "\n".join(sheets)
    assert "Médiane" in text  # the tables behind each chart are open on paper
    assert "Clore" not in text
    assert "Se déconnecter" not in text
