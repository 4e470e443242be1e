"""Planted faults, one after another on a line that is well: each is found, and its mend is said."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from prefect.settings import PREFECT_API_URL, temporary_settings

from balise import certificates
from balise.authority import Authority
from balise.doctor import CHECKS, check
from balise.settings import Settings
from balise.stack.ports import free
from bench.line import Line, running
from care.web import accounts
from sql import audit
from sql.migrate import migrate

pytestmark = pytest.mark.stack

Plant = Callable[["Ground"], Settings]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where faults are planted: a line that is well, and what undoes them."""

    line: Line
    settings: Settings
    undo: ExitStack
    folder: Path

    def sql(self, statement: str, back: str = "") -> Settings:
        """Run a statement, and another at the end."""
        self._run(statement)
        if back:
            self.undo.callback(self._run, back)
        return self.settings

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.settings.database_url, autocommit=True) as database:
            database.execute(statement.encode())

    def copy(self, **changed: object) -> Settings:
        """Return the settings with something else in them."""
        return self.settings.model_copy(update=changed)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=False, members=("receive",)) as started:
        url = started.settings.database_url
        with psycopg.connect(url, autocommit=True) as database:
            accounts.add(database, "head", "a long enough password", role="admin", panels=())
            accounts.add(database, "nurse", "a long enough password", role="clinician")
            audit.add(database, [1], who="nurse", action="view", what="a test")
            database.execute("INSERT INTO backup (made_at, bytes, readings) VALUES (now(), 1, 1)")
        yield started


@pytest.fixture
def ground(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with ExitStack() as undo:
        yield Ground(line, line.settings, undo, tmp_path)


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


WAITS = (
    "INSERT INTO landing_batch (received_at, messages, bytes) VALUES (now() - interval '1h', 3, 3)"
)


def flows_down(ground: Ground) -> Settings:
    return ground.sql(WAITS, "DELETE FROM landing_batch")


def figures_behind(ground: Ground) -> Settings:
    return ground.sql(
        "INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, touched_at)"
        " VALUES (1, 'heart_rate', now(), now(), now(), now() - interval '1 hour')",
        "DELETE FROM dirty_window",
    )


def nobody_judged(ground: Ground) -> Settings:
    return ground.sql(
        "WITH one AS (INSERT INTO subject (code) VALUES ('p-x') RETURNING id)"
        " INSERT INTO dirty_subject (subject, touched_at)"
        " SELECT id, now() - interval '1 hour' FROM one",
        "DELETE FROM dirty_subject; DELETE FROM subject WHERE code = 'p-x'",
    )


def cannot_be_judged(ground: Ground) -> Settings:
    nobody_judged(ground)
    return ground.sql("UPDATE dirty_subject SET assess_failed_at = now()")


def clock_stands(ground: Ground) -> Settings:
    return ground.sql(
        "INSERT INTO flow_done VALUES ('assess', now() - interval '2 hours')",
        "DELETE FROM flow_done",
    )


def never_heard(ground: Ground) -> Settings:
    return ground.sql(
        "WITH one AS (INSERT INTO gateway (name) VALUES ('home-y'))"
        " INSERT INTO invite (gateway, code_digest, token_digest, expires_at, used_at)"
        " VALUES ('home-y', '', '', now(), now() - interval '3 days')",
        "DELETE FROM invite; DELETE FROM gateway",
    )


def prefect_down(ground: Ground) -> Settings:
    away = {PREFECT_API_URL: f"http://127.0.0.1:{free()}/api"}
    ground.undo.enter_context(temporary_settings(away))
    return ground.settings


def fault_of_ours(ground: Ground) -> Settings:
    return ground.sql(
        "INSERT INTO refused (landing, item, part, reason, detail, gateway, received_at, device,"
        " decoder) VALUES (1, 0, 0, 'decoder_error', '', '', now(), '', 1)",
        "DELETE FROM refused",
    )


def silent_gateway(ground: Ground) -> Settings:
    return ground.sql(
        "INSERT INTO gateway (name, last_contact_at) VALUES ('home-x', now() - interval '3 days')",
        "DELETE FROM gateway",
    )


def refused_abroad(ground: Ground) -> Settings:
    return ground.sql(
        "WITH one AS (INSERT INTO subject (code) VALUES ('p-x') RETURNING id)"
        " INSERT INTO outbox (subject, thing, key, body, state) SELECT id, '', '', '', 'refused'"
        " FROM one",
        "DELETE FROM outbox; DELETE FROM subject",
    )


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
    "the flows are down": (flows_down, "balise flows serve"),
    "figures are behind": (figures_behind, "balise flows run line"),
    "patients are not judged": (nobody_judged, "balise flows run line"),
    "a patient can't be judged": (cannot_be_judged, "p-x"),
    "what runs by the clock is not done": (clock_stands, "its log says what"),
    "Prefect is down": (prefect_down, "PREFECT_API_URL"),
    "a fault of ours refused something": (fault_of_ours, "balise refused list"),
    "a gateway is silent": (silent_gateway, "balise gateway list"),
    "a gateway never sent anything": (never_heard, "balise gateway list"),
    "another system refused": (refused_abroad, "balise fhir status"),
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
    found = check(plant(ground), tuple(CHECKS))
    assert [one for one in found if not one.ok and mend in one.says], found


def test_whoever_may_not_look_is_told_whom_to_ask(ground: Ground):
    url = ground.line.fleet.members["receive"].environment["BALISE_DATABASE_URL"]
    (one,) = check(ground.copy(database_url=url), ["accounts"])
    assert (one.ok, "owner" in one.says) == (False, True)
