"""NEWS2 at a visit: what stands in the form, what is kept, and what no total is made of."""

from __future__ import annotations

import re
from decimal import Decimal

import httpx
import psycopg
import pytest

from balise.errors import ObservationUnsafe
from care.early_warning import content, written
from care.metrics.news2 import Consciousness, Observations

PAGE = "/patients/p-moreau/news2"
SEEN = {
    "respiratory_rate": "22",
    "oxygen_saturation": "93",
    "systolic_blood_pressure": "105",
    "pulse_rate": "95",
    "body_temperature": "38,2",
    "on_oxygen": "no",
    "consciousness": "A",
}
"""2 + 2 + 1 + 1 + 1 by chart 1 of the Royal College of Physicians, on scale 1."""


def test_what_is_left_empty_is_nobodys_guess():
    assert written({}) == Observations()
    half = written({"body_temperature": "38,25", "on_oxygen": "yes", "consciousness": "C"})
    assert half.body_temperature == Decimal("38.25")
    assert (half.on_oxygen, half.consciousness) == (True, Consciousness.CONFUSED)
    assert content(half) == {
        "respiratory_rate": None,
        "oxygen_saturation": None,
        "systolic_blood_pressure": None,
        "pulse_rate": None,
        "body_temperature": "38.25",
        "on_oxygen": True,
        "consciousness": "C",
        "hypercapnic": False,
    }


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("body_temperature", "382"),
        ("pulse_rate", "NaN"),
        ("pulse_rate", "-Infinity"),
        ("pulse_rate", "a few"),
        ("oxygen_saturation", "101"),
        ("consciousness", "Z"),
        ("on_oxygen", "maybe"),
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
    assert page.index("Pas de total") < page.index("NEWS2 : 7")  # the newest first
    with psycopg.connect(populated) as database:
        rows = database.execute("SELECT who, total, risk, parts FROM early_warning ORDER BY id")
        (who, total, risk, _), (_, none, no_risk, parts) = rows.fetchall()
    assert (who, total, risk, none, no_risk) == ("nurse", 7, "high", None, None)
    assert parts["consciousness"] is None
    assert parts["respiratory_rate"] == 2


@pytest.mark.stack
def test_what_a_device_measured_stands_in_the_form_with_its_moment(nurse: httpx.Client):
    page = nurse.get(PAGE).text
    field = re.search(r'name="oxygen_saturation"[^>]* value="([^"]*)"', page)
    assert field
    assert 80 <= int(field[1]) <= 100
    assert "Corrigez si ce n&#39;est pas la valeur de cette visite." in page
    assert "Aucun appareil ne l&#39;a mesurée depuis 12 heures." in page


@pytest.mark.stack
def test_a_slip_of_the_pen_comes_back_and_nothing_is_kept(nurse: httpx.Client, populated: str):
    count = "SELECT count(*) FROM early_warning"
    with psycopg.connect(populated) as database:
        before = database.execute(count).fetchone()
        answer = nurse.post(PAGE, data={**SEEN, "body_temperature": "382"})
        assert answer.status_code == 422
        assert "« 382 » ne peut pas servir" in answer.text
        assert 'value="382"' in answer.text
        assert nurse.post(PAGE, data={}).status_code == 200  # nothing observed, nothing kept
        assert database.execute(count).fetchone() == before


@pytest.mark.stack
def test_who_keeps_the_line_observes_nobody(keeper: httpx.Client):
    assert keeper.post(PAGE, data=SEEN).status_code == 404
    assert "Calculer" not in keeper.get(PAGE).text
