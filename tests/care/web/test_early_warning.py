"""NEWS2 at a visit: what stands in the form, what is kept, and what no total is made of."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import httpx
import psycopg
import pytest

from balise.errors import ObservationUnsafe
from balise.model import Quality
from care.early_warning import content, is_observed, written
from care.metrics.news2 import Observations
from devices.payloads import balise_v1
from flows import steps
from ingest.receive import Delivery, land

PAGE = "/patients/p-moreau/news2"
SEEN = {
    "respiratory_rate": "22",
    "oxygen_saturation": "93",
    "systolic_blood_pressure": "105",
    "pulse_rate": "95",
    "body_temperature": "38,2",
    "on_oxygen": "no",
    "consciousness": "A",
    "hypercapnic": "no",
}
"""2 + 2 + 1 + 1 + 1 by chart 1 of the Royal College of Physicians, on scale 1."""


OXYGEN = {
    "header": {"schema_id": {"namespace": "omh", "name": "oxygen-saturation", "version": "2.0"}},
    "body": {"oxygen_saturation": {"value": 95, "unit": "%"}},
}

NOTHING = dict.fromkeys(SEEN, "") | {"hypercapnic": "no"}


def test_what_is_left_empty_is_nobodys_guess():
    assert written({"hypercapnic": "no"}) == Observations()
    assert not is_observed(written({"hypercapnic": "yes"}))
    half = written({**NOTHING, "body_temperature": "38,25", "on_oxygen": "yes"})
    assert is_observed(half)
    assert half.body_temperature == Decimal("38.25")
    assert (half.on_oxygen, half.consciousness) == (True, None)
    assert content(half) == {
        "respiratory_rate": None,
        "oxygen_saturation": None,
        "systolic_blood_pressure": None,
        "pulse_rate": None,
        "body_temperature": "38.25",
        "on_oxygen": True,
        "consciousness": None,
        "hypercapnic": False,
    }


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("body_temperature", "382"),
        ("pulse_rate", "NaN"),
        ("pulse_rate", "-Infinity"),
        ("pulse_rate", "a few"),
        ("body_temperature", "37.0000001"),
        ("oxygen_saturation", "101"),
        ("consciousness", "Z"),
        ("on_oxygen", "maybe"),
        ("hypercapnic", ""),
        ("hypercapnic", "maybe"),
    ],
)
def test_what_nobody_has_is_refused_with_what_may_stand_there(field: str, said: str):
    with pytest.raises(ObservationUnsafe) as refused:
        written({**SEEN, field: said})
    assert (refused.value.field, refused.value.said) == (field, said)


@pytest.mark.stack
def test_all_seven_make_a_total_and_six_do_not(nurse: httpx.Client, populated: str):
    page = nurse.post(PAGE, data=SEEN).text
    assert "NEWS2 : 7" in page
    assert "Seuil d&#39;urgence" in page
    page = nurse.post(PAGE, data={**SEEN, "consciousness": ""}).text
    assert "Pas de total" in page
    assert "Ce qui est observé fait déjà 7" in page
    assert "Choisie par" not in page  # scale 1 is the usual one: nobody chose it
    assert page.index("Pas de total") < page.index("NEWS2 : 7")  # the newest first
    with psycopg.connect(populated) as database:
        rows = database.execute("SELECT who, total, risk, parts FROM early_warning ORDER BY id")
        (who, total, risk, _), (_, none, no_risk, parts) = rows.fetchall()
    assert (who, total, risk, none, no_risk) == ("nurse", 7, "high", None, None)
    assert parts["consciousness"] is None
    assert parts["respiratory_rate"] == 2


@pytest.mark.stack
def test_the_prescribed_target_stays_until_somebody_changes_it(nurse: httpx.Client):
    for chosen, other in (("yes", "no"), ("no", "yes")):
        page = nurse.post(PAGE, data={**SEEN, "hypercapnic": chosen}).text
        scales = page[page.index('id="hypercapnic"') :]
        assert f'<option value="{chosen}" selected>' in scales
        assert f'<option value="{other}">' in scales
        assert ("Choisie par nurse" in scales) == (chosen == "yes")


@pytest.fixture(scope="module")
def measured(populated: str) -> str:
    """Madame Moreau's oxygen of half an hour ago; the demo's is of the evening, at breakfast."""
    now = datetime.now(UTC)
    taken = {"date_time": (now - timedelta(minutes=30)).isoformat()}
    document = json.dumps(OXYGEN | {"body": OXYGEN["body"] | {"effective_time_frame": taken}})
    frame = balise_v1.Item(device="import/p-moreau", convention="open_mhealth", document=document)
    payload = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(frame))])
    with psycopg.connect(populated, autocommit=True) as connection:
        land(connection, [Delivery(1, 1, "balise/v1/home/frames", payload)], now)
        steps.validate(connection)
    return populated


@pytest.mark.stack
@pytest.mark.usefixtures("measured")
def test_what_a_device_measured_stands_in_the_form_with_its_moment(nurse: httpx.Client):
    page = nurse.get(PAGE).text
    field = re.search(r'name="oxygen_saturation"[^>]* value="([^"]*)"', page)
    assert field
    assert re.fullmatch(r"1?\d\d", field[1])
    assert "Corrigez si ce n&#39;est pas la valeur de cette visite." in page
    assert "Pas de mesure sûre depuis 12 heures." in page


@pytest.mark.stack
def test_what_a_rule_would_not_go_by_stands_in_no_form(nurse: httpx.Client, measured: str):
    """A loose clip, a clock of nobody's; a hundred is written as a hundred."""
    field = r'name="oxygen_saturation"[^>]* value="([^"]*)"'
    with psycopg.connect(measured, autocommit=True) as database:
        [(subject,)] = database.execute("SELECT id FROM subject WHERE code = 'p-moreau'")
        newest = {"subject": subject}
        for quality, shown in ((0, "100"), (Quality.POOR_SIGNAL.value, None)):
            database.execute(
                "UPDATE packed_reading SET value = 100, flags = %(quality)s"
                " WHERE subject = %(subject)s AND series IN"
                " (SELECT id FROM series WHERE metric = 'oxygen_saturation')",
                {**newest, "quality": quality or None},
            )
            found = re.search(field, nurse.get(PAGE).text)
            assert (found and found[1]) == (shown or "")


@pytest.mark.stack
def test_a_slip_of_the_pen_comes_back_and_nothing_is_kept(nurse: httpx.Client, populated: str):
    count = "SELECT count(*) FROM early_warning"
    with psycopg.connect(populated) as database:
        before = database.execute(count).fetchone()
        answer = nurse.post(PAGE, data={**SEEN, "body_temperature": "382"})
        assert answer.status_code == 422
        assert "« 382 » ne peut pas servir" in answer.text
        assert 'value="382"' in answer.text
        nothing = nurse.post(PAGE, data=NOTHING)
        assert nothing.status_code == 422
        assert "Rien n&#39;est écrit" in nothing.text
        assert database.execute(count).fetchone() == before


@pytest.mark.stack
def test_who_keeps_the_line_observes_nobody(keeper: httpx.Client):
    assert keeper.post(PAGE, data=SEEN).status_code == 404
    assert "Calculer" not in keeper.get(PAGE).text
