"""What the doctor finds of each part: database, broker, certificates, accounts, copies, disk."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from balise import certificates
from balise.authority import Authority
from balise.doctor import CHECKS, check
from balise.settings import Settings
from balise.stack.ports import free
from sql.migrate import migrate

from .conftest import Ground, Plant, unwell

pytestmark = pytest.mark.stack


def test_a_line_that_is_well_is_said_to_be(ground: Ground):
    found = check(ground.settings, tuple(CHECKS))
    assert [one for one in found if not one.ok] == []


def elsewhere(ground: Ground) -> str:
    """Make a database of its own, dropped at the end."""
    base, _, _ = ground.settings.database_url.rpartition("/")
    name = f"planted_{os.getpid()}_{free()}"

    def run(statement: str) -> None:
        with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
            server.execute(statement.encode())

    run(f'CREATE DATABASE "{name}" TEMPLATE template0')
    ground.undo.callback(run, f'DROP DATABASE "{name}" WITH (FORCE)')
    return f"{base}/{name}"


def no_address(ground: Ground) -> Settings:
    return ground.copy(database_url="")


def nobody_there(ground: Ground) -> Settings:
    return ground.copy(database_url=f"postgresql://balise:x@127.0.0.1:{free()}/balise")


def wrong_password(ground: Ground) -> Settings:
    url = urlsplit(ground.settings.database_url)
    return ground.copy(database_url=f"postgresql://balise:wrong@{url.hostname}:{url.port}/balise")


def no_schema(ground: Ground) -> Settings:
    return ground.copy(database_url=elsewhere(ground))


def old_schema(ground: Ground) -> Settings:
    return ground.sql(
        "DELETE FROM schema_migration WHERE number = 41",
        "INSERT INTO schema_migration VALUES (41, '0041_late.sql')",
    )


def new_schema(ground: Ground) -> Settings:
    return ground.sql(
        "INSERT INTO schema_migration VALUES (999, '0999_x.sql')",
        "DELETE FROM schema_migration WHERE number = 999",
    )


def no_extension(ground: Ground) -> Settings:
    url = elsewhere(ground)
    migrate(url)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("DROP EXTENSION timescaledb CASCADE")
    return ground.copy(database_url=url)


def guard_off(ground: Ground) -> Settings:
    return ground.sql(
        "ALTER TABLE identity DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE identity ENABLE ROW LEVEL SECURITY",
    )


def granted_too_much(ground: Ground) -> Settings:
    return ground.sql(
        "GRANT SELECT ON rollup TO balise_web", "REVOKE ALL ON rollup FROM balise_web"
    )


def inherited(ground: Ground) -> Settings:
    grant = "GRANT balise_keep TO balise_web WITH INHERIT "
    return ground.sql(f"{grant}TRUE", f"{grant}FALSE")


def becomes_the_line(ground: Ground) -> Settings:
    role = "balise_flows"
    return ground.sql(f"GRANT {role} TO balise_web", f"REVOKE {role} FROM balise_web")


def certificate_ends(ground: Ground) -> Settings:
    path = ground.folder / "service.pem"
    key, now = certificates.new_key(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "service")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=800))
        .not_valid_after(now + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificates.text(made))
    return ground.copy(mqtt_cert_file=path)


def no_certificate(ground: Ground) -> Settings:
    path = ground.folder / "service.pem"
    path.write_text("none")
    return ground.copy(mqtt_cert_file=path)


def open_key(ground: Ground) -> Settings:
    key = ground.settings.mqtt_key_file
    assert key
    mode = key.stat().st_mode & 0o777
    key.chmod(0o644)
    ground.undo.callback(key.chmod, mode)
    return ground.settings


def no_broker(ground: Ground) -> Settings:
    return ground.copy(mqtt_url=f"mqtts://localhost:{free()}")


def another_authority(ground: Ground) -> Authority:
    other = Authority(ground.folder / "other")
    other.ensure(["localhost"])
    return other


def strange_broker(ground: Ground) -> Settings:
    return ground.copy(mqtt_ca_file=another_authority(ground).file)


def refused_certificate(ground: Ground) -> Settings:
    own = another_authority(ground).service
    return ground.copy(mqtt_cert_file=own.certificate, mqtt_key_file=own.key)


def no_receiver(ground: Ground) -> Settings:
    process = ground.line.fleet.members["receive"].process
    assert process
    process.terminate()
    process.wait(timeout=180)
    ground.undo.callback(ground.line.wait_for_receiver)
    ground.undo.callback(ground.line.keep_running)
    return ground.settings


def open_pages(ground: Ground) -> Settings:
    return ground.copy(web_host="0.0.0.0")  # noqa: S104 - the fault


def no_admin(ground: Ground) -> Settings:
    return ground.sql(
        "UPDATE login SET role = 'ops' WHERE name = 'head'",
        "UPDATE login SET role = 'admin' WHERE name = 'head'",
    )


def provider_away(ground: Ground) -> Settings:
    return ground.copy(oidc_issuer=f"http://localhost:{free()}", oidc_client="balise")


def nameless(ground: Ground) -> Settings:
    return ground.copy(oidc_issuer="https://provider.example")


def unfollowed(ground: Ground) -> Settings:
    ground.sql(
        "INSERT INTO subject (code, pathway) VALUES ('p-alone', 'hypertension')",
        "DELETE FROM subject",
    )
    return ground.sql("UPDATE panel SET everyone = false", "UPDATE panel SET everyone = true")


def forged_audit(ground: Ground) -> Settings:
    ground.sql(
        "ALTER TABLE audit DISABLE TRIGGER audit_stays", "ALTER TABLE audit ENABLE TRIGGER ALL"
    )
    return ground.sql("UPDATE audit SET who = 'me'", "UPDATE audit SET who = 'nurse'")


def database_in_the_clear(ground: Ground) -> Settings:
    url = ground.settings.database_url.replace("@127.0.0.1:", "@db.example.org:")
    return ground.copy(database_url=f"{url}?hostaddr=127.0.0.1")


def broker_in_the_clear(ground: Ground) -> Settings:
    return ground.copy(mqtt_url="mqtt://balise:x@broker.example.org")


def hospital_in_the_clear(ground: Ground) -> Settings:
    return ground.copy(fhir_url="http://fhir.example.org/r4")


def no_backup(ground: Ground) -> Settings:
    return ground.sql(
        "DELETE FROM backup", "INSERT INTO backup (made_at, bytes, readings) VALUES (now(), 1, 1)"
    )


def old_backup(ground: Ground) -> Settings:
    return ground.sql(
        "UPDATE backup SET made_at = now() - interval '3 days'", "UPDATE backup SET made_at = now()"
    )


def lost_copy(ground: Ground) -> Settings:
    ground.sql(
        "SELECT pg_create_physical_replication_slot('balise_20260101_000000_000000', true)",
        "SELECT pg_drop_replication_slot('balise_20260101_000000_000000')",
    )
    ground.sql("SELECT", "SELECT pg_reload_conf()")  # undone last
    ground.sql(
        "ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'",
        "ALTER SYSTEM RESET max_slot_wal_keep_size",
    )
    ground.sql("SELECT pg_reload_conf()")
    for _ in range(4):
        ground.sql("SELECT pg_logical_emit_message(true, '', '')")
        ground.sql("SELECT pg_switch_wal()")
    return ground.sql("CHECKPOINT")


def no_room(ground: Ground) -> Settings:
    return ground.copy(home=Path("/proc/balise"))  # a filesystem that never has any


FAULTS: dict[str, tuple[Plant, str]] = {
    "the database's address is not set": (no_address, "BALISE_DATABASE_URL"),
    "no database there": (nobody_there, "is it up"),
    "wrong password": (wrong_password, "address and password"),
    "no schema": (no_schema, "balise db migrate"),
    "old schema": (old_schema, "balise db migrate"),
    "schema of a newer version": (new_schema, "upgrade this program"),
    "the extension is gone": (no_extension, "CREATE EXTENSION"),
    "row-level security is off": (guard_off, "ENABLE ROW LEVEL SECURITY"),
    "the pages may read too much": (granted_too_much, "REVOKE ALL ON rollup"),
    "the pages inherit a keeper's rights": (inherited, "roles.sql"),
    "the pages may become the line": (becomes_the_line, "roles.sql"),
    "a certificate ends": (certificate_ends, "balise authority"),
    "a certificate is none": (no_certificate, "balise authority"),
    "a key lies open": (open_key, "chmod 600"),
    "the database is reached in the clear": (database_in_the_clear, "sslmode=verify-full"),
    "the broker is reached in the clear": (broker_in_the_clear, "mqtts://"),
    "the other system is reached in the clear": (hospital_in_the_clear, "BALISE_FHIR_URL"),
    "no broker there": (no_broker, "BALISE_MQTT_URL"),
    "the broker is not who it should be": (strange_broker, "not who it should be"),
    "the broker refuses us": (refused_certificate, "balise authority"),
    "no receiver": (no_receiver, "start `balise receive`"),
    "the OpenID provider is away": (provider_away, "BALISE_OIDC_ISSUER"),
    "the pages have no name at the provider": (nameless, "BALISE_OIDC_CLIENT"),
    "the pages are open to the network": (open_pages, "BALISE_WEB_SECURE_COOKIES"),
    "no admin": (no_admin, "balise account"),
    "nobody follows a patient": (unfollowed, "balise panel put"),
    "the audit was changed": (forged_audit, "balise audit verify"),
    "no room on the disk": (no_room, "make room"),
    "no backup": (no_backup, "balise db backup"),
    "an old backup": (old_backup, "balise db backup"),
    "a copy was given up by the server": (lost_copy, "balise db copy"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_its_mend_is_said(ground: Ground, fault: str):
    plant, mend = FAULTS[fault]
    said = unwell(ground, plant)
    assert [one for one in said if mend in one], said


def test_whoever_may_not_look_is_told_whom_to_ask(ground: Ground):
    url = ground.line.fleet.members["receive"].environment["BALISE_DATABASE_URL"]
    (one,) = check(ground.copy(database_url=url), ["accounts"])
    assert (one.ok, "owner" in one.says) == (False, True)
