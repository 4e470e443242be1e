"""Enrol the virtual patients and give them a past, by the ways real ones take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from balise.settings import Settings
from care.plan import Plan
from demo.history import DAYS, documents
from demo.patients import PATIENTS, VirtualPatient
from ingest import importer
from ingest.gateway import devices
from sql import people, plans


def enrol(settings: Settings, now: datetime) -> list[VirtualPatient]:
    """Enrol every virtual patient, their gateway and devices; return those who were new."""
    new: list[VirtualPatient] = []
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        for patient in PATIENTS:
            if people.known(connection, patient.code):
                continue
            enrol_one(connection, patient, now - timedelta(days=DAYS + 1))
            new.append(patient)
    for patient in PATIENTS:
        path = devices.folder(settings.home, patient.gateway) / "devices.json"
        devices.write(
            path,
            [devices.KnownDevice(address=one.address, name=one.name) for one in patient.devices],
        )
    return new


def enrol_one(connection: psycopg.Connection, patient: VirtualPatient, since: datetime) -> int:
    """Enrol a virtual patient, gateway and devices theirs since a moment; return the number."""
    with connection.transaction():
        subject = people.add_subject(connection, patient.code, pathway=patient.pathway)
        people.set_identity(
            connection,
            subject,
            family=patient.family,
            given=patient.given,
            birth_date=patient.birth_date,
            sex=patient.sex,
        )
        if patient.devices:
            people.add_gateway(connection, patient.gateway)
        for device in patient.devices:
            people.give(
                connection,
                device.address,
                subject,
                since=since,
                name=device.name,
                gateway=patient.gateway,
            )
    plan = Plan().content()
    plans.sign(connection, subject, plan, over=0, who="démonstration")
    return subject


def backfill(
    settings: Settings, patients: list[VirtualPatient], progress: importer.Progress
) -> int:
    """Send the patients' past through the import path; return how many data points."""
    now = datetime.now(UTC)
    return sum(
        importer.import_documents(
            settings, documents(patient, now), patient=patient.code, progress=progress
        )
        for patient in patients
    )
