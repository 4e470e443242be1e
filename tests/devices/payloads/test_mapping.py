from __future__ import annotations

from pathlib import Path

import pytest

from balise.errors import PayloadError, Reason, UsageError
from balise.model import Quality
from devices.payloads import mapped, mapped_csv, mapping, shipped
from devices.payloads.lint import lint

CUFF = """
name = "cuff"
title = "A cuff"
source = "made up"
time = { path = "at", format = "iso" }
[[value]]
metric = "systolic_blood_pressure"
path = "sys"
unit = "mm[Hg]"
loinc = "8480-6"
[[value]]
metric = "diastolic_blood_pressure"
path = "dia"
unit = "mm[Hg]"
[[sample]]
document = '{"at": "2026-02-01T07:30:00+01:00", "sys": 128, "dia": 82}'
expect = { systolic_blood_pressure = "128 mm[Hg]", diastolic_blood_pressure = "82 mm[Hg]" }
time = 2026-02-01T06:30:00Z
"""


def test_the_shipped_mappings_are_all_declared_and_right():
    folder = Path(shipped.__file__).parent / "mappings"
    assert sorted(file.stem for file in folder.glob("*.toml")) == sorted(shipped.NAMES)
    for name in shipped.NAMES:
        one = shipped.shipped(name)
        assert (one.name, lint(one)) == (name, [])


def test_a_good_mapping_has_no_problem():
    assert lint(mapping.read(CUFF)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('metric = "systolic_blood_pressure"', 'metric = "systole"', "no metric"),
        ('unit = "mm[Hg]"', 'unit = "kg"', "can't be converted"),
        ('unit = "mm[Hg]"', "", "has a unit, or a unit_path"),
        ('loinc = "8480-6"', 'loinc = "8462-4"', "is not its code"),
        ('path = "sys"', 'path = "dia"', "named like the diastolic"),
        ('path = "sys"', 'path = "sys["', "is no JMESPath"),
        ('metric = "diastolic', 'metric = "systolic', "number them"),
        ('{ path = "at", format = "iso" }', '{ format = "iso" }', "no time is known"),
        ("128 mm[Hg]", "129 mm[Hg]", "not {"),
        ("06:30:00Z", "07:30:00Z", "was taken at"),
        ('"sys": 128, "dia": 82', '"sys": 82, "dia": 128', "swapped"),
        ('"sys": 128', '"sis": 128', "sys is missing"),
        ('name = "cuff"', 'name = "A Cuff"', "small letters"),
    ],
)
def test_nonsense_is_found_before_it_reads_a_figure(old: str, new: str, problem: str):
    changed = CUFF.replace(old, new, 1)
    assert changed != CUFF
    assert any(problem in str(one) for one in lint(mapping.read(changed)))


def test_samples_are_asked_for():
    without, _ = CUFF.split("[[sample]]")
    assert "sample" in str(lint(mapping.read(without))[0])


@pytest.mark.parametrize(
    "text", ["name = 1", CUFF + "\nstrange = 1", "[", CUFF.replace('"iso"', '"someday"')]
)
def test_the_loader_is_strict(text: str):
    with pytest.raises(UsageError):
        mapping.read(text)


def test_two_mappings_of_one_name_are_refused():
    with pytest.raises(UsageError, match="cuff"):
        mapping.load({"a.toml": CUFF, "b.toml": CUFF})


def test_a_sites_mapping_is_a_convention_once_it_is_right():
    (convention,) = shipped.conventions(mapping.load({"cuff.toml": CUFF}))
    (decoded,) = convention.read('{"at": "2026-02-01T07:30:00Z", "sys": "131", "dia": 84.0}')
    assert [str(value.value) for value in decoded.readings] == ["131", "84.0"]
    with pytest.raises(UsageError, match="kg"):
        shipped.conventions(mapping.load({"x": CUFF.replace('unit = "mm[Hg]"', 'unit = "kg"')}))


@pytest.mark.parametrize(
    ("time", "document", "expected"),
    [
        ('format = "epoch"', '{"at": 1769927400.5}', "2026-02-01T06:30:00.500000+00:00"),
        ('format = "epoch_ms"', '{"at": "1769927400500"}', "2026-02-01T06:30:00.500000+00:00"),
        ('format = "local"', '{"at": "2026-02-01 07:30"}', "2026-02-01T07:30:00"),
        (
            'format = "local", pattern = "%d/%m/%Y %H:%M"',
            '{"at": "01/02/2026 07:30"}',
            "2026-02-01T07:30:00",
        ),
    ],
)
def test_times_as_senders_write_them(time: str, document: str, expected: str):
    one = mapping.read(CUFF.replace('format = "iso"', time))
    (decoded,) = mapped.read(one, document[:-1] + ', "sys": 128, "dia": 82}')
    when = decoded.taken_at or decoded.device_time
    assert when is not None
    assert when.isoformat() == expected


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('{"at": "2026-02-01T07:30:00", "sys": 128, "dia": 82}', Reason.PAYLOAD_INVALID),
        ('{"sys": 128, "dia": 82}', Reason.TIME_UNKNOWN),
        ('{"at": "2026-02-01T07:30:00Z", "sys": true, "dia": 82}', Reason.PAYLOAD_INVALID),
        ('{"at": "2026-02-01T07:30:00Z", "sys": "high", "dia": 82}', Reason.PAYLOAD_INVALID),
        ("[]", Reason.PAYLOAD_UNREADABLE),
    ],
)
def test_a_document_that_does_not_fit_is_refused(document: str, reason: Reason):
    with pytest.raises(PayloadError) as refused:
        mapped.read(mapping.read(CUFF), document)
    assert refused.value.reason is reason


def test_a_local_time_with_a_zone_is_a_wrong_mapping():
    one = mapping.read(CUFF.replace('format = "iso"', 'format = "local"'))
    with pytest.raises(PayloadError, match="time zone"):
        mapped.read(one, '{"at": "2026-02-01T07:30:00Z", "sys": 128, "dia": 82}')


def test_the_unit_of_the_payload_decides():
    scale = shipped.shipped("xiaomi_mi_scale")
    document = '{"weight":195.40,"weight_unit":"jin","timestamp":"2026-02-01T07:31:05+00:00"}'
    with pytest.raises(PayloadError) as refused:
        mapped.read(scale, document)
    assert refused.value.reason is Reason.UNIT_UNKNOWN


FRENCH = """
name = "pesee"
title = "Une pesée"
source = "made up"
csv = { delimiter = ";", decimal = ",", encoding = "cp1252" }
time = { path = "Date", format = "local", pattern = "%d/%m/%Y %H:%M" }
[[value]]
metric = "body_weight"
path = "Poids (kg)"
unit = "kg"
[[quality]]
path = "Saisie"
words = ["manuelle"]
quality = "self_reported"
[[sample]]
document = '''
Date;Poids (kg);Saisie
01/02/2026 07:30;75,50;manuelle
'''
expect = { body_weight = "75.50 kg" }
time = 2026-02-01T07:30:00
quality = ["self_reported"]
"""


def test_a_row_with_decimal_comma():
    one = mapping.read(FRENCH)
    assert lint(one) == []
    (decoded,) = mapped_csv.read(one, "Date;Poids (kg);Saisie\n01/02/2026 07:30;75,50;\n")
    assert (str(decoded.readings[0].value), decoded.quality) == ("75.50", Quality.NONE)


@pytest.mark.parametrize(
    "text",
    [
        "Date;Poids (kg)\n01/02/2026 07:30;1.075,50\n",
        "Date;Poids (kg)\n01/02/2026 07:30;75.50\n",
        "Date\n01/02/2026 07:30\n",
        "Date;Poids (kg)\n01/02/2026 07:30\n",
        "Date;Poids (kg)\n",
        "",
    ],
)
def test_a_row_that_does_not_fit_is_refused(text: str):
    with pytest.raises(PayloadError):
        mapped_csv.read(mapping.read(FRENCH), text)


def test_a_delimiter_that_is_the_decimal_sign_is_found():
    one = mapping.read(FRENCH.replace('delimiter = ";"', 'delimiter = ","'))
    assert any("decimal sign" in str(problem) for problem in lint(one))
