"""A data point or series to what it says: readings of Balise's metrics, facts of all else."""

from __future__ import annotations

from typing import cast

from balise.model import Decoded, Facts, Quality, State, Value
from devices.payloads.document import Json, child, fact, invalid, number, parse
from devices.payloads.open_mhealth.catalogue import rule_of
from devices.payloads.open_mhealth.frames import FRAME, When, when
from devices.payloads.open_mhealth.measures import ucum
from devices.payloads.open_mhealth.rules import Leaves, Said
from devices.payloads.open_mhealth.utility import HEADER


def read(text: str) -> tuple[Decoded, ...]:
    """Return what each body of a document says; one wrong body makes the document invalid."""
    point = parse(text)
    header = child(point, "header")
    if header is None or "body" not in point:
        raise invalid("a data point has a header and a body")
    HEADER.read(header, ("header",))
    named = cast("dict[str, str]", header["schema_id"])
    rule = rule_of(named["namespace"], named["name"], named["version"])
    body = point["body"]
    bodies = cast("list[object]", body) if isinstance(body, list) else [body]
    series = tuple(_decoded(header, rule.read(one, ())) for one in bodies)
    return series or (_decoded(header, ()),)


def _decoded(header: Json, leaves: Leaves) -> Decoded:
    moment = when(leaves)
    readings = tuple(_value(said) for said in leaves if said.metric)
    return Decoded(
        readings=readings,
        taken_at=moment.at,
        person=header.get("user_id"),
        quality=_quality(header, leaves) | moment.quality,
        state=State.MEASURED if readings else State.INFORMATION,
        facts=_facts(leaves, moment) if readings else (_schema(header), *_facts(leaves, moment)),
    )


def _schema(header: Json) -> tuple[str, str]:
    named = header["schema_id"]
    return fact("schema", f"{named['namespace']}:{named['name']}:{named['version']}")


def _value(said: Said) -> Value:
    return Value(
        metric=said.metric,
        value=number(said.value, ".".join(said.where)),
        unit=ucum(said.unit),
    )


def _quality(header: Json, leaves: Leaves) -> Quality:
    quality = Quality.NONE
    if any(said.where[-1:] == ("descriptive_statistic",) for said in leaves):
        quality |= Quality.SUMMARY_STATISTIC
    provenance = child(header, "acquisition_provenance") or {}
    if "self-reported" in (header.get("modality"), provenance.get("modality")):
        quality |= Quality.SELF_REPORTED
    return quality


def _facts(leaves: Leaves, moment: When) -> Facts:
    said_beside = (said for said in leaves if not said.metric and said.where[:1] != (FRAME,))
    return (*moment.facts, *(_fact(said) for said in said_beside))


def _fact(said: Said) -> tuple[str, str]:
    value = str(said.value).lower() if isinstance(said.value, bool) else str(said.value)
    return fact(".".join(said.where) or "value", f"{value} {said.unit}".strip())
