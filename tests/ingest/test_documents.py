"""A file is known by what is in it, and read in pieces."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from balise.errors import PayloadError, UsageError
from devices.payloads import CONVENTIONS, shipped
from ingest import documents, importer
from ingest.document import Document
from ingest.documents import Options

RECORD = (
    '<Record type="HKQuantityTypeIdentifierHeartRate" sourceName="x" unit="count/min"'
    ' startDate="2026-02-01 07:30:00 +0100" endDate="2026-02-01 07:30:00 +0100" value="76"/>\n'
)
EXPORT = f'<?xml version="1.0"?>\n<HealthData locale="fr_FR">\n{RECORD}</HealthData>\n'
LIBRE = (
    "Glucose Data,Generated on,10-06-2026 10:00 UTC\n"
    "Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mmol/L,"
    "Scan Glucose mmol/L,Notes\n"
    "FreeStyle Libre 3,SN-1,{day} 06:00,0,5.4,,\n"
    "FreeStyle Libre 3,SN-1,{day} 06:15,1,,6.2\n"
    "FreeStyle Libre 3,SN-1,{day} 06:20,6,,,lunch\n"
)
CLARITY = (
    "\ufeffIndex,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,"
    "Device Info,Source Device ID,Glucose Value (mg/dL),Transmitter ID\n"
    "1,,FirstName,,Ada,,,,\n"
    "2,,LastName,,Byron,,,,\n"
    "3,2026-05-20T08:00:00,EGV,,,,iPhone G6,95,8AM1EY\n"
    "4,2026-05-20T08:05:00,EGV,,,,iPhone G6,High,8AM1EY\n"
    "5,2026-05-20T08:06:00,Insulin,Fast-Acting,,,iPhone G6,,8AM1EY\n"
)


def read(path: Path, content: str | bytes, options: Options | None = None) -> list[Document]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = list(documents.read(path, options))
    for document in found:
        assert CONVENTIONS[document.convention].read(document.text)
    return found


def test_apples_export_alone_and_in_its_archive(tmp_path: Path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
        writer.writestr("apple_health_export/exportation.xml", EXPORT)
    for content in (EXPORT.encode(), archive.getvalue()):
        (document,) = read(tmp_path / "anything", content)
        assert document.convention == "apple_health"


@pytest.mark.parametrize("flipped", [0x01, 0x80, 0xFF])
def test_an_archive_with_any_byte_wrong_is_read_or_refused(tmp_path: Path, flipped: int):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("export.xml", EXPORT)
    whole, refused = archive.getvalue(), 0
    for place in range(len(whole)):
        wrong = bytearray(whole)
        wrong[place] ^= flipped
        try:
            read(tmp_path / "anything", bytes(wrong))
        except (PayloadError, UsageError):
            refused += 1
    assert refused > len(whole) / 2


def test_an_export_larger_than_it_may_be_in_memory(tmp_path: Path):
    path = tmp_path / "export.xml"
    with path.open("w") as stream:
        stream.write("<HealthData>\n")
        for _ in range(100):
            stream.write(RECORD * 1000)
        stream.write("</HealthData>\n")
    tracemalloc.start()
    count = sum(1 for _ in documents.read(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert path.stat().st_size > 16_000_000
    assert peak < 8_000_000


def bomb(path: Path, body: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("apple_health_export/export.xml", body)
    return path


BOMBS = {
    "elements in one another": (b"<a>" * 5_000_000, "elements in one another"),
    "records of one correlation": (b"<Correlation>" + RECORD.encode() * 100_000, "correlation"),
    "nothing at all, packed a thousand times": (b"\n" * 80_000_000, "200 times its size"),
    "an attribute without end": (b'<Record type="' + b"A" * 20_000_000, "without end"),
    "entities of entities": (
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><Record type="&b;"/>',
        "no XML",
    ),
}


@pytest.mark.parametrize("which", BOMBS)
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, which: str):
    body, says = BOMBS[which]
    path = bomb(tmp_path / "export.zip", b"<HealthData>" + body)
    del body
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError, match=says):
            list(documents.read(path))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 << 20


def test_kinds_that_nobody_knows_are_counted_together_from_the_thousandth_on(tmp_path: Path):
    kinds = "".join(f'<Record type="Kind{number}"/>' for number in range(3000))
    unmeasured = Counter[str]()
    read(
        tmp_path / "export.xml", f"<HealthData>{kinds}</HealthData>", Options(unmeasured=unmeasured)
    )
    assert len(unmeasured) == 1001
    assert (unmeasured.total(), unmeasured["others"]) == (3000, 2000)


def test_clarity_keeps_the_name_out_of_its_documents(tmp_path: Path):
    options = Options()
    found = read(tmp_path / "clarity.csv", CLARITY, options)
    assert [document.person for document in found] == ["Ada Byron"] * 2
    assert not any("Ada" in document.text for document in found)
    assert options.unmeasured == Counter(
        {"Clarity FirstName": 1, "Clarity LastName": 1, "Clarity Insulin": 1}
    )


def test_libreviews_dates_are_decided_by_the_file_or_the_caller(tmp_path: Path):
    assert len(read(tmp_path / "a.csv", LIBRE.format(day="25-06-2026"))) == 2
    with pytest.raises(PayloadError, match="--dates"):
        read(tmp_path / "b.csv", LIBRE.format(day="10-06-2026"))
    (first, _) = read(
        tmp_path / "c.csv", LIBRE.format(day="10-06-2026"), Options(dates="day-first")
    )
    (decoded,) = CONVENTIONS["libreview"].read(first.text)
    assert decoded.device_time is not None
    assert (decoded.device_time.day, decoded.device_time.month) == (10, 6)


def test_a_mapping_reads_rows_and_objects(tmp_path: Path):
    rows = read(
        tmp_path / "user1.csv",
        "datetime,dia,sys,bpm,mov,ihb\n2024-01-15 08:30:00,80,120,72,0,0\n",
        Options(mapping=shipped.shipped("omblepy")),
    )
    assert [row.convention for row in rows] == ["omblepy"]
    scale = '{"timestamp":"2020-01-21T06:32:45","userProfile":1,"weight":92.80}'
    found = read(
        tmp_path / "scale.json", f"[{scale},{scale}]", Options(mapping=shipped.shipped("ant_scale"))
    )
    assert [one.text for one in found] == [scale, scale]


def test_a_mapping_whose_columns_are_not_there(tmp_path: Path):
    with pytest.raises(PayloadError, match="sys"):
        read(tmp_path / "a.csv", "datetime,dia\n", Options(mapping=shipped.shipped("omblepy")))


@pytest.mark.parametrize(
    ("content", "convention"),
    [
        ('[{"bn":"x:","n":"body_weight","u":"kg","v":75.50}]', "senml"),
        ('{"model_id":"XMTZC05HM","unit":"kg","weight":72.45}', "theengs"),
        ("id,time,gl\nS1,2015-06-06 16:50:27,153\n", "cgm_csv"),
    ],
)
def test_conventions_by_content(tmp_path: Path, content: str, convention: str):
    (document,) = read(tmp_path / "x", content)
    assert document.convention == convention


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "[]", "{}", "<html>", "PK\x03\x04x", "0123456\n.FIT", "\x00" * 99]
)
def test_what_nobody_knows_is_refused(tmp_path: Path, content: str):
    with pytest.raises(PayloadError):
        read(tmp_path / "x.csv", content)


def test_an_endless_line_is_no_csv(tmp_path: Path):
    with pytest.raises(PayloadError, match="line"):
        read(tmp_path / "x.csv", "a" * 200_000)


def test_a_folder_gives_every_kind_of_file(tmp_path: Path):
    for name in ("a.FIT", "b.xml", "c.zip", "d.json", "e.csv", "f.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in importer.files([tmp_path])] == [
        "a.FIT",
        "b.xml",
        "c.zip",
        "d.json",
        "e.csv",
    ]
