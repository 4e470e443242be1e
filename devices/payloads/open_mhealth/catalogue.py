"""Every schema by who keeps it and its name."""

from __future__ import annotations

import re

from balise.errors import PayloadError, Reason
from devices.payloads.document import invalid
from devices.payloads.open_mhealth import activity, medication, sleep, survey, utility, vitals
from devices.payloads.open_mhealth.rules import Rule
from devices.payloads.open_mhealth.schema import Schema

_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")

SCHEMAS: dict[tuple[str, str], Schema] = {
    (namespace, schema.name): schema
    for namespace, families in (
        ("omh", (vitals.OMH, activity.OMH, sleep.OMH, medication.OMH, utility.OMH)),
        ("ieee", (vitals.IEEE, activity.IEEE, sleep.IEEE, survey.IEEE, utility.IEEE)),
    )
    for family in families
    for schema in family
}


def rule_of(namespace: str, name: str, version: str) -> Rule:
    """Return the rule of a body; a schema or version unknown to Balise is refused by name."""
    if not _VERSION.fullmatch(version):
        raise invalid("header.schema_id.version must be like 3.0")
    schema = SCHEMAS.get((namespace, name))
    if schema is None:
        raise PayloadError(
            f"schema {namespace}:{name}: none Balise knows", reason=Reason.METRIC_UNKNOWN
        )
    rule = schema.rule(float(version))
    if rule is None:
        raise PayloadError(
            f"schema {namespace}:{name} {version}: a version Balise doesn't know",
            reason=Reason.PAYLOAD_UNKNOWN,
        )
    return rule
