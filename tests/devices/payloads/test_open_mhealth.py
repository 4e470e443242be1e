"""Open mHealth and IEEE 1752.1: their own verdicts, and those of jsonschema with their schemas."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded, Quality, State
from devices import units
from devices.payloads.open_mhealth import CONVENTION, SCHEMAS
from devices.payloads.open_mhealth.measures import ucum
from devices.payloads.open_mhealth.rules import Measure, Rule
from devices.payloads.open_mhealth.shapes import Both, ListOf, Object, OneOf, Unsaid
from ingest import documents

NOON, HOUR_AGO = "2026-02-01T12:00:00Z", "2026-02-01T12:00:00+01:00"


def point(name: str, version: str, body: object, namespace: str = "omh", **header: object) -> str:
    schema_id = {"namespace": namespace, "name": name, "version": version}
    return json.dumps({"header": {"schema_id": schema_id, **header}, "body": body})


def refusal(text: str) -> Reason | None:
    try:
        CONVENTION.read(text)
    except PayloadError as error:
        return error.reason
    return None


def read(text: str) -> Decoded:
    (decoded,) = CONVENTION.read(text)
    return decoded


def figures(decoded: Decoded) -> dict[str, str]:
    return {value.metric: f"{value.value} {value.unit}" for value in decoded.readings}


@pytest.mark.shared
@pytest.mark.parametrize(("namespace", "good", "bad"), [("omh", 288, 283), ("ieee", 7, 8)])
def test_the_verdicts_of_those_who_wrote_the_schemas(
    shared: Path, namespace: str, good: int, bad: int
):
    verdicts: Counter[tuple[str, str]] = Counter()
    for path in (shared / "data/open-mhealth/test-data" / namespace).rglob("should*/*.json"):
        name, version, verdict = path.parts[-4:-1]
        schema_id = {"namespace": namespace, "name": name, "version": version}
        header, body = json.dumps({"schema_id": schema_id}), path.read_text("utf-8")
        verdicts[verdict, refusal(f'{{"header": {header}, "body": {body}}}') or "accepted"] += 1
    assert verdicts == {("shouldPass", "accepted"): good, ("shouldFail", "payload_invalid"): bad}


@pytest.mark.shared
def test_every_schema_is_read(shared: Path):
    names = {"omh": shared / "data/open-mhealth/schema/omh", "ieee": shared / "data/ieee1752"}
    found = {
        (namespace, re.sub(r"-\d\.(\d|x)$", "", path.stem))
        for namespace, folder in names.items()
        for path in folder.rglob("*.json")
    }
    assert found == SCHEMAS.keys()


CHECKER = FormatChecker()
CHECKER.checks("uri")(lambda value: not isinstance(value, str) or bool(re.match(r"\w+:.", value)))


class Schemas:
    """The JSON schemas beside the test data, as jsonschema and as a source of bodies."""

    def __init__(self, shared: Path) -> None:
        self.folders = [shared / "data/ieee1752", shared / "data/open-mhealth/schema/omh"]
        self.registry: Any = Registry(retrieve=self.retrieve)  # type: ignore[call-arg]

    def paths(self) -> Iterator[tuple[str, str, str, Path]]:
        for namespace, folder in zip(("ieee", "omh"), self.folders, strict=True):
            for path in sorted(folder.rglob("*.json")):
                name, _, version = path.stem.rpartition("-")
                if not version.endswith("x"):
                    yield namespace, name, version, path

    def retrieve(self, address: str) -> Any:
        folder = self.folders["ieee-1752" not in address]
        text = next(folder.rglob(address.rpartition("/")[2])).read_text("utf-8").strip()
        if text.endswith(".json"):
            return self.retrieve(f"{address.rpartition('/')[0]}/{text}")
        schema = json.loads(text)
        schema.pop("$id", None)
        return Resource.from_contents(schema, default_specification=DRAFT4)

    def validator(self, namespace: str, path: Path) -> Any:
        base = {"ieee": "https://w3id.org/ieee/ieee-1752-schema", "omh": "https://omh"}[namespace]
        return Draft4Validator(
            {"$ref": f"{base}/{path.name}"},
            registry=self.registry,
            format_checker=CHECKER,
        )


SAMPLES = {
    "string": ("text", "2026-02-01", "10:11", "10:11:12"),
    "number": (1, 2.5, -3, 0),
    "integer": (3,),
    "boolean": (True,),
    "object": ({},),
}
FORMATS = {
    "date-time": NOON,
    "uri": "https://a.b/c",
    "uuid": "123e4567-e89b-12d3-a456-426655440000",
}
JUNK = (None, 0, 1.5, "", "x", True, [], {}, [1], {"value": 1, "unit": "kg"}, NOON, "2026-02-01")
KEYS = ("date_time", "time_interval", "duration", "start_date_time", "end_date_time", "dose", "x")


def body_of(schema: Any, resolver: Any, random: Random) -> Any:
    """Return a body that a schema probably accepts."""
    if "$ref" in schema:
        found = resolver.lookup(schema["$ref"])
        return body_of(found.contents, found.resolver, random)
    parts = [body_of(one, resolver, random) for one in schema.get("allOf", ())]
    parts += [
        body_of(random.choice(schema[key]), resolver, random)
        for key in ("oneOf", "anyOf")
        if key in schema
    ]
    parts.append(own_part(schema, resolver, random))
    said = [part for part in parts if part is not None]
    if said and all(isinstance(part, dict) for part in said):
        return {key: value for part in said for key, value in part.items()}
    return said[-1] if said else None


def own_part(schema: Any, resolver: Any, random: Random) -> Any:
    kind = schema.get("type")
    if "enum" in schema:
        return random.choice(schema["enum"])
    if "properties" in schema:
        needed = schema.get("required", ())
        kept = [key for key in schema["properties"] if key in needed or random.random() < 0.6]
        return {key: body_of(schema["properties"][key], resolver, random) for key in kept}
    if kind == "array":
        count = random.randint(schema.get("minItems", 0), 2)
        return [body_of(schema["items"], resolver, random) for _ in range(count)]
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    kind = random.choice(kind) if isinstance(kind, list) else kind
    return random.choice(SAMPLES[kind]) if kind else None


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from spots(inner)


def mutated(body: Any, random: Random) -> Any:
    body = json.loads(json.dumps(body))
    found = list(spots(body)) if isinstance(body, (dict, list)) else []
    if not found:
        return random.choice(JUNK)
    holder, key = random.choice(found)
    if random.random() < 0.3:
        del holder[key]
    elif random.random() < 0.7 or isinstance(holder, list):
        holder[key] = random.choice(JUNK)
    else:
        holder[random.choice(KEYS)] = random.choice(JUNK)
    return body


@pytest.mark.shared
def test_the_verdicts_of_jsonschema_on_bodies_made_up_and_spoilt(shared: Path):
    random, schemas = Random(1752), Schemas(shared)  # noqa: S311 - the same bodies each time
    verdicts = Counter[bool]()
    for namespace, name, version, path in schemas.paths():
        validator = schemas.validator(namespace, path)
        resolver = schemas.registry.resolver()
        for _ in range(12):
            body = body_of(validator.schema, resolver, random)
            for _ in range(random.choice((0, 1, 1, 2))):
                body = mutated(body, random)
            if isinstance(body, list):
                continue  # a series, which no schema of a body describes
            accepted = refusal(point(name, version, body, namespace)) is None
            assert accepted == validator.is_valid(body), (name, version, body)
            verdicts[accepted] += 1
    assert min(verdicts[True], verdicts[False]) > 400


def measures(rule: Rule) -> Iterator[Measure]:
    if isinstance(rule, Measure):
        yield rule
    inner: tuple[Rule, ...] = ()
    if isinstance(rule, Object):
        inner = tuple(rule.fields.values())
    elif isinstance(rule, (OneOf, Both)):
        inner = rule.rules
    elif isinstance(rule, ListOf):
        inner = (rule.item,)
    elif isinstance(rule, Unsaid):
        inner = (rule.rule,)
    for one in inner:
        yield from measures(one)


def test_every_figure_has_a_metric_and_a_convertible_unit():
    rules = [rule for schema in SCHEMAS.values() for rule in schema.versions.values()]
    found = [one for rule in rules for one in measures(rule) if one.metric]
    for measure in found:
        for unit in measure.figure_in or measure.units:
            units.convert(Decimal(1), ucum(unit), METRICS[measure.metric].unit)
    assert len({measure.metric for measure in found}) > 40


@pytest.mark.shared
def test_jupyterhealths_data_points(shared: Path):
    found: dict[str, str] = {}
    for path in sorted((shared / "data/jhe/examples/data-points").glob("*.json")):
        (document,) = documents.read(path)
        found |= figures(read(document.text))
    assert found == {
        "blood_glucose": "129 mg/dL",
        "systolic_blood_pressure": "115 mm[Hg]",
        "diastolic_blood_pressure": "60 mm[Hg]",
        "body_temperature": "97 [degF]",
        "heart_rate": "67.5 /min",
        "oxygen_saturation": "95 %",
        "respiratory_rate": "12 /min",
        "rr_interval": "30 ms",
    }


NIGHT = {"time_interval": {"start_date_time": "2026-02-01T22:00:00+01:00", "end_date_time": NOON}}
HOURS = {"value": 6.50, "unit": "h"}


def test_a_night_of_sleep_in_ieees_words():
    summary = {
        "total_sleep_time": HOURS,
        "deep_sleep_duration": {"value": 70, "unit": "min"},
        "number_of_awakenings": 3,
        "awake_percentage": {"value": 4, "unit": "%"},
    }
    body = {"sleep_stage_summary": summary, "effective_time_frame": NIGHT}
    decoded = read(point("sleep-stage-summary", "1.0", body, "ieee", modality="self-reported"))
    assert figures(decoded) == {
        "total_sleep_time": "6.5 h",
        "deep_sleep_time": "70 min",
        "awakenings": "3 1",
    }
    assert decoded.quality == Quality.SELF_REPORTED
    assert str(decoded.taken_at) == "2026-02-01 12:00:00+00:00"
    assert decoded.facts == (
        ("started_at", "2026-02-01T21:00:00+00:00"),
        ("sleep_stage_summary.awake_percentage", "4 %"),
    )


def test_a_series_is_a_decoded_each():
    bodies = [
        {"ambient_temperature": {"value": value, "unit": "C"}, "effective_time_frame": frame}
        for value, frame in ((20, {"date_time": NOON}), (21.5, {"date_time": HOUR_AGO}))
    ]
    first, second = CONVENTION.read(point("ambient-temperature", "1.0", bodies, "ieee"))
    assert (figures(first), figures(second)) == (
        {"ambient_temperature": "20 Cel"},
        {"ambient_temperature": "21.5 Cel"},
    )
    assert refusal(point("ambient-temperature", "1.0", [*bodies, {}], "ieee"))
    assert read(point("ambient-temperature", "1.0", [], "ieee")).state is State.INFORMATION


def test_an_interval_ends_where_its_duration_says():
    frame = {"time_interval": {"start_date_time": NOON, "duration": {"value": 1.5, "unit": "h"}}}
    decoded = read(point("step-count", "2.0", {"step_count": 90, "effective_time_frame": frame}))
    assert str(decoded.taken_at) == "2026-02-01 13:30:00+00:00"
    assert decoded.facts == (("started_at", "2026-02-01T12:00:00+00:00"),)


def test_a_survey_is_information():
    item = {"question": {"text": "How are you?"}, "answers": [{"value": "Well"}]}
    body = {"items": [item], "delivery_details": {"end_status": "completed"}}
    decoded = read(point("survey", "1.0", body, "ieee"))
    assert (decoded.readings, decoded.state) == ((), State.INFORMATION)
    assert decoded.facts == (
        ("schema", "ieee:survey:1.0"),
        ("items.0.question.text", "How are you?"),
        ("items.0.answers.0.value", "Well"),
        ("delivery_details.end_status", "completed"),
    )


def test_where_somebody_is_stays_out():
    angle = {"value": 48.85, "unit": "deg"}
    body = {"latitude": angle, "longitude": angle, "effective_time_frame": {"date_time": NOON}}
    assert read(point("geoposition", "1.0", body)).facts == (("schema", "omh:geoposition:1.0"),)


@pytest.mark.parametrize("statistic", [None, "minimum"])
def test_a_statistic_is_kept_and_marked_and_digits_survive(statistic: str | None):
    body = {
        "heart_rate": {"value": 50, "unit": "beats/min"},
        "effective_time_frame": {"date_time": NOON},
    }
    body |= {"descriptive_statistic": statistic} if statistic else {}
    decoded = read(point("heart-rate", "2.0", body).replace("50", "50.00"))
    assert decoded.quality == (Quality.SUMMARY_STATISTIC if statistic else Quality.NONE)
    assert figures(decoded) == {"heart_rate": "50.00 /min"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (point("mood", "1.0", {}), Reason.METRIC_UNKNOWN),
        (point("heart-rate", "7.0", {}), Reason.PAYLOAD_UNKNOWN),
        (point("heart-rate", "one", {}), Reason.PAYLOAD_INVALID),
        (point("date-time", "1.0", "2026-02-30T12:00:00Z"), Reason.PAYLOAD_INVALID),
        (point("heart-rate", "2.0", {}, modality="guessed"), Reason.PAYLOAD_INVALID),
        ('{"header": {"schema_id": NaN}, "body": {}}', Reason.PAYLOAD_UNREADABLE),
        ('{"header": {}, "body": {}}', Reason.PAYLOAD_INVALID),
        ('{"header": [], "body": {}}', Reason.PAYLOAD_INVALID),
    ],
)
def test_what_is_no_data_point_is_refused(text: str, reason: Reason):
    assert refusal(text) is reason


HUGE = ("9" * 5000, "1e999999999", "-1e-999999999", "1e9999999999999999999", "NaN", "-0")


@pytest.mark.parametrize("number", HUGE)
def test_numbers_beyond_all_bounds_are_read_or_refused(number: str):
    measure = f'{{"value": {number}, "unit": "kg"}}'
    for body in (f'{{"body_weight": {measure}}}', measure):
        for name in ("body-weight", "unit-value"):
            text = point(name, "1.0", 0).replace('"body": 0', f'"body": {body}')
            assert refusal(text) in {None, Reason.PAYLOAD_INVALID, Reason.PAYLOAD_UNREADABLE}
    span = f'{{"start_date_time": "{NOON}", "duration": {{"value": {number}, "unit": "yr"}}}}'
    frame = f'{{"step_count": 1, "effective_time_frame": {{"time_interval": {span}}}}}'
    refusal(point("step-count", "2.0", 0).replace('"body": 0', f'"body": {frame}'))


def test_depth_is_refused():
    deep = "[" * 100_000 + "]" * 100_000
    assert refusal(point("survey", "1.0", 0).replace("0}", f"{deep}}}")) in Reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(schema=st.sampled_from(sorted(SCHEMAS)), body=JSON, header=JSON, whole=JSON)
def test_any_json_is_read_or_refused(
    schema: tuple[str, str], body: object, header: object, whole: object
):
    namespace, name = schema
    version = str(max(SCHEMAS[schema].versions))
    for text in (point(name, version, body, namespace, modality=header), json.dumps(whole)):
        try:
            assert CONVENTION.read(text)
        except PayloadError:
            continue
