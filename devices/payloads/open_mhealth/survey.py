"""Schemas of IEEE 1752.1's surveys and of food: answers and amounts, no figure of Balise's."""

from __future__ import annotations

import re

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.frames import DATE, FRAME, TIME_FRAME_IEEE
from devices.payloads.open_mhealth.rules import Flag, Instant, Number, Rule, Text
from devices.payloads.open_mhealth.schema import body, each, must, value
from devices.payloads.open_mhealth.shapes import Both, ListOf, Object, OneOf

_NOT_TEXT = (Object(), Number(), Flag())
_PARTIAL_DATE = Text(form=re.compile("[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"))
_CLOCK = Text(form=re.compile("([01][0-9]|2[0-3]):[0-5][0-9]"))


def _answer(rule: Rule) -> Object:
    return Object({"value": rule}, needs=("value",))


ANSWER = _answer(OneOf((Text(), *_NOT_TEXT)))
QUESTION = Object({"label": Text(), "text": Text()}, needs=("text",))
ITEM = Object(
    {
        "question": QUESTION,
        "answers": ListOf(ANSWER),
        "asked_date_time": Instant(),
        "answered_date_time": Instant(),
    },
    needs=("question", "answers"),
)
_DELIVERY = Object(
    {
        "start_date_time": Instant(),
        "end_date_time": Instant(),
        "end_status": words.END_STATUS,
    }
)
_AMOUNT = OneOf((of.MASS, of.VOLUME, Object({"value": Number()}, needs=("value",), closed=True)))
_NUTRIENTS = (
    *("protein", "carbohydrate", "fat", "saturated_fat", "cholesterol"),
    *("sodium", "potassium", "fiber", "sugar"),
)

IEEE = (
    value("survey-answer", {1.0: ANSWER}),
    value(
        "survey-categorical-answer",
        {1.0: Both((ANSWER, Object({"code": OneOf((Number(), Text()))})))},
    ),
    value("survey-date-answer", {1.0: _answer(_PARTIAL_DATE)}),
    value("survey-time-answer", {1.0: _answer(OneOf((_CLOCK, *_NOT_TEXT)))}),
    value("survey-unit-value-answer", {1.0: _answer(of.ANY)}),
    value("survey-question", {1.0: QUESTION}),
    value("survey-item", {1.0: ITEM}),
    body(
        "survey",
        (1.0,),
        must("items", ListOf(ITEM, least=1)),
        must("delivery_details", _DELIVERY),
        each({"score": OneOf((Number(), Object()))}),
    ),
    body(
        "food-entry",
        (0.1,),
        must("food_name", Text()),
        must("food_amount", _AMOUNT),
        must(FRAME, OneOf((TIME_FRAME_IEEE, Object({"full_date": DATE}, needs=("full_date",))))),
        each({"meal": words.MEAL, "calories": of.KCAL}),
        each(dict.fromkeys(_NUTRIENTS, of.MASS)),
    ),
)
