"""What the doctor finds of the line: what waits, who is silent, what is away."""

from __future__ import annotations

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from balise.settings import Settings
from balise.stack.ports import free

from .conftest import Ground, Plant, unwell

pytestmark = pytest.mark.stack


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
        " INSERT INTO dirty_subject (subject, assess_since)"
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


FAULTS: dict[str, tuple[Plant, str]] = {
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
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_its_mend_is_said(ground: Ground, fault: str):
    plant, mend = FAULTS[fault]
    said = unwell(ground, plant)
    assert [one for one in said if mend in one], said
