"""The pages in a real Chromium: without JavaScript, both languages, small and large, axe clean."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from care.web import accounts

pytestmark = [pytest.mark.stack, pytest.mark.browser]
PASSWORD = "a long enough password"
DAY = timedelta(days=1)


def signed_in(browser: Browser, site: str, language: str, width: int, name: str = "nurse") -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, locale=language, bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{site}/sign-in")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("main button")
    if page.get_attribute("html", "lang") != language:
        page.click("header form[action='/language'] button")
    assert page.get_attribute("html", "lang") == language
    return page


def is_clean_and_fits(page: Page, name: str, width: int) -> None:
    """Hold a page against axe and its width, and keep a picture of it where one is asked for."""
    if shots := os.environ.get("BALISE_SCREENSHOTS"):
        page.screenshot(path=Path(shots) / f"{name}.png", full_page=True)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nobody_needs_javascript_and_no_outside_host_is_asked(browser: Browser, site: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/sign-in")
    page.fill("#name", "nurse")
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.click("tbody tr:first-child th a")
    page.click("nav.periods a:has-text('90')")
    page.click("details summary >> nth=0")
    page.click("table td a >> nth=-1")
    assert "/readings/" in page.url
    assert all(url.startswith(site) for url in asked)
    context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_is_axe_clean_and_fits(browser: Browser, site: str, language: str, width: int):
    page = signed_in(browser, site, language, width)
    for name, path in (
        ("worklist", "/"),
        ("patient", "/patients/p-martin"),
        ("silent", "/patients/p-petit?days=90"),
        ("plan", "/patients/p-martin/plan"),
        ("news2", "/patients/p-moreau/news2"),
        ("glucose", "/patients/p-roux"),
        ("figure", "/patients/p-roux/figures/glucose_mean"),
        ("day", f"/patients/p-martin/days/body_weight/{datetime.now(UTC) - DAY:%Y-%m-%d}"),
        ("access", "/patients/p-martin/access"),
        ("emergency", "/emergency?code=p-martin"),
        ("enrol", "/enrol"),
        ("identity", "/patients/p-martin/identity"),
        ("consent", "/patients/p-martin/consent"),
        ("helpers", "/patients/p-martin/helpers"),
        ("not-found", "/patients/nobody"),
    ):
        page.goto(f"{site}{path}")
        is_clean_and_fits(page, f"{name}-{language}-{width}", width)
    page.click("header a.brand")
    page.goto(f"{site}/patients/p-martin")
    page.click("table td a >> nth=0")
    assert Axe().run(page).violations_count == 0
    page.context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_workbench_is_axe_clean_and_fits(
    browser: Browser, site: str, refusals: int, language: str, width: int
):
    page = signed_in(browser, site, language, width, "keeper")
    for name, path in (
        ("refused", "/ops/refused"),
        ("reason", "/ops/refused?reason=payload_unreadable&new=0&changed=0&still=2&more=1"),
        ("nothing", "/ops/refused?state=discarded&note=0&busy=1"),
        ("frame", f"/ops/refused/{refusals}/0/0"),
        ("garbage", f"/ops/refused/{refusals + 1}/0/0?moved=1"),
        ("rules", "/ops/rules"),
    ):
        page.goto(f"{site}{path}")
        is_clean_and_fits(page, f"{name}-{language}-{width}", width)
    page.context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_accounts_are_axe_clean_and_fit(
    browser: Browser, site: str, populated: str, language: str, width: int
):
    with psycopg.connect(populated, autocommit=True) as connection:
        accounts.add(connection, "head", PASSWORD, role="admin", panels=())
        token = accounts.invite(connection, "new.nurse", role="clinician", panels=("site",))
    page = signed_in(browser, site, language, width, "head")
    page.fill("#name", "another.nurse")
    page.click("form.stacked button")
    pages = (("accounts", ""), ("welcome", f"/welcome/{token}"), ("sign-in", "/sign-in"))
    for name, path in pages:
        if path:
            page.goto(f"{site}{path}")
        is_clean_and_fits(page, f"{name}-{language}-{width}", width)
    page.context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_helpers_pages_are_axe_clean_and_fit(
    browser: Browser, site: str, populated: str, language: str, width: int
):
    page = signed_in(browser, site, language, width)
    page.goto(f"{site}/patients/p-martin/helpers")
    page.fill("#called", "Anne")
    page.check("[name=agreed]")
    page.click("form.stacked button")
    is_clean_and_fits(page, f"helpers-{language}-{width}", width)
    page.context.close()
    with psycopg.connect(populated, autocommit=True) as connection:
        row = connection.execute("SELECT account FROM helper ORDER BY added_at DESC").fetchone()
        assert row
        accounts.add(connection, row[0], PASSWORD, role="helper", panels=())
    page = signed_in(browser, site, language, width, row[0])
    is_clean_and_fits(page, f"helped-{language}-{width}", width)
    page.context.close()


def test_the_table_after_a_chart_has_its_numbers(browser: Browser, site: str):
    page = signed_in(browser, site, "en", 1280)
    page.goto(f"{site}/patients/p-martin?days=30")
    figures = page.locator("figure")
    assert figures.count() >= 3
    for number in range(figures.count()):
        figure = figures.nth(number)
        assert figure.locator("circle").count() == figure.locator("tbody tr").count()
    page.context.close()
