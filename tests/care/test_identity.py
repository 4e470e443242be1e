"""Who a patient is: what a form may say, and the key of a national identity."""

from __future__ import annotations

from datetime import date

import pytest

from balise.errors import IdentityUnsafe
from care.identity import Identity, read

TODAY = date(2026, 11, 28)
NAMED = {"family": "Durand", "given": "Marie"}
SPECIMEN = "269054958815780"
"""The number on the specimen of the carte Vitale."""
TRAITS = {"birth_date": "1969-05-12", "sex": "female", "birth_place": "49007"}
QUALIFIED = NAMED | TRAITS | {"ins": SPECIMEN, "ins_kind": "nir", "status": "qualified"}


def test_a_name_is_enough_and_is_provisional():
    assert read(NAMED, TODAY) == Identity(family="Durand", given="Marie")


def test_a_qualified_identity_has_its_number_and_its_traits():
    assert read(QUALIFIED, TODAY) == Identity(
        family="Durand",
        given="Marie",
        birth_date=date(1969, 5, 12),
        sex="female",
        birth_place="49007",
        ins=SPECIMEN,
        ins_kind="nir",
        status="qualified",
    )


@pytest.mark.parametrize(
    "number",
    [
        "2 69 05 49 588 157 80",
        "2 55 08 14 168 025 38",  # Wikipédia, "Numéro de sécurité sociale en France"
        "2 95 10 99 126 111 93",  # born abroad
        "2 53 07 2B 073 004 70",  # Corsica counts as 18 and 19
        "2 53 07 2a 073 004 43",
    ],
)
def test_a_number_is_read_as_it_is_written_on_paper(number: str):
    found = read(QUALIFIED | {"ins": number, "status": "retrieved"}, TODAY)
    assert found.ins == number.replace(" ", "").upper()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"family": " "}, "family"),
        ({"given": ""}, "given"),
        ({"given": "x" * 101}, "given"),
        ({"given": "a\x00b"}, "given"),
        ({"birth_date": "12/05/1969"}, "birth_date"),
        ({"birth_date": "2026-11-29"}, "birth_date"),
        ({"birth_date": "1899-12-31"}, "birth_date"),
        ({"sex": "f"}, "sex"),
        ({"birth_place": "4900"}, "birth_place"),
        ({"ins": "269054958815781"}, "ins"),  # another key
        ({"ins": "269054958851780"}, "ins"),  # two figures changed places
        ({"ins": "2690549588157"}, "ins"),  # without its key
        ({"ins": "253072C07300443"}, "ins"),
        ({"ins": "999999999999983"}, "ins"),  # the key is right, nobody's number begins so
        ({"birth_place": "1A123"}, "birth_place"),
        ({"birth_place": "00000"}, "birth_place"),
        ({"birth_date": "2020-W01-1"}, "birth_date"),
        ({"ins": "26905495881578O"}, "ins"),
        ({"ins_kind": "ssn"}, "ins_kind"),
        ({"status": "sure"}, "status"),
        ({"status": "provisional"}, "status"),
        ({"status": "validated"}, "status"),
        ({"ins": ""}, "status"),
        ({"birth_place": ""}, "qualified"),
        ({"birth_date": ""}, "qualified"),
        ({"sex": "unknown"}, "qualified"),
        ({"phone": "12345"}, "phone"),
        ({"phone": "02 41 00 00 00 ask for Anne"}, "phone"),
        ({"phone": "\u0660\u0662\u0664\u0661\u0660\u0660"}, "phone"),
    ],
)
def test_what_can_t_be_kept_is_said_by_its_field(said: dict[str, str], field: str):
    with pytest.raises(IdentityUnsafe) as unsafe:
        read(QUALIFIED | said, TODAY)
    assert unsafe.value.field == field


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("02 41 00 00 01", "0241000001"),
        ("+33 (0)2.41-00", "+3324100"),
        ("0033 (0)6 12 34 56 78", "+33612345678"),
        ("00 33 (0)6 12 34 56 78", "+33612345678"),
        ("+262 (0)692 12 34 56", "+262692123456"),
        ("+33.(0)6.12.34.56.78", "+33612345678"),
        ("+33-(0)6-12-34-56-78", "+33612345678"),
        ("(+33) (0)6 12 34 56 78", "+33612345678"),
        ("+ 33 (0)6 12 34 56 78", "+33612345678"),
        ("(02) 41 00 00 01", "0241000001"),
        ("(0)6 12 34 56 78", "0612345678"),
        ("06/12\u201134\u00a056 78", "0612345678"),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_number_is_kept_as_it_is_dialled(typed: str, kept: str):
    assert read(QUALIFIED | {"phone": typed}, TODAY).phone == kept
