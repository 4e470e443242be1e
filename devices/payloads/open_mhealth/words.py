"""The closed lists of Open mHealth and IEEE 1752.1, as rules; another word there is refused."""

from __future__ import annotations

from devices.payloads.open_mhealth.rules import Text


def words(*listed: str) -> Text:
    """Return the rule of a closed list."""
    return Text(frozenset(listed))


_STATISTICS = (
    "average",
    "maximum",
    "median",
    "minimum",
    "standard deviation",
    "sum",
    "variance",
)
STATISTIC_1_0 = words(*_STATISTICS)
STATISTIC_1_1 = words(
    *_STATISTICS,
    *("count", "80th percentile", "lower quartile", "upper quartile", "quartile deviation"),
    *(f"{nth} quintile" for nth in ("1st", "2nd", "3rd", "4th")),
)
STATISTIC = words(*STATISTIC_1_1.words, "20th percentile")
DENOMINATOR_1_0 = words("d", "episode", "meal", "session")
DENOMINATOR = words(*DENOMINATOR_1_0.words, "wk", "Mo")

_MEALS = ("breakfast", "lunch", "dinner")
TO_MEAL_1_0 = words(
    *("fasting", "not fasting", "before meal", "after meal", "2 hours postprandial"),
    *(f"{order} {meal}" for order in ("before", "after") for meal in _MEALS),
)
TO_MEAL = words(*TO_MEAL_1_0.words, "with meal", "with food")
TO_MEAL_1_1 = words(*TO_MEAL.words, "not related to meals")
MEAL = words(*_MEALS, "snack")
TO_ACTIVITY = words("active", "after exercise", "at rest", "before exercise", "during exercise")
TO_SLEEP = words("before sleeping", "during sleep", "on waking")
PART_OF_DAY = words("morning", "afternoon", "evening", "night")
DAY_OF_WEEK = words(*("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))

POSITION = words("sitting", "lying down", "standing")
POSTURE = words(*POSITION.words, "semi-recumbent")
_SIDED = ("ankle", "hip", "thigh", "upper arm", "wrist")
_BOTH_SIDES = tuple(f"{side} {part}" for side in ("left", "right") for part in _SIDED)
BODY_LOCATION = words(*_BOTH_SIDES, "left thorax", "middle left thorax")
BODY_LOCATION_IEEE = words(
    *BODY_LOCATION.words,
    *_SIDED,
    *("thorax", "right thorax", "middle right thorax", "finger", "forehead", "mouth", "rectum"),
    *("temporal artery", "toe", "tympanic membrane", "vagina", "abdomen", "skin"),
    "posterior surface of upper arm",
    *(part for place in ("axilla", "foot") for part in (place, f"left {place}", f"right {place}")),
    *("ear lobe", "left ear lobe", "right ear lobe"),
)
TEMPERATURE_SITE_1_0 = words(
    *("axillary", "chest", "oral", "otic", "rectal", "temporal", "vaginal", "wrist")
)
TEMPERATURE_SITE = words(
    *("axillary", "finger", "forehead", "oral", "rectal", "temporal artery"),
    *("toe", "tympanic", "vagina", "wrist"),
)

BLOOD_SPECIMEN = words("plasma", "serum", "whole blood")
SPECIMEN_1_0 = words(*BLOOD_SPECIMEN.words, "capillary blood", "interstitial fluid", "tears")
SPECIMEN_2_0 = words(
    *("breath", "capillary blood", "interstitial fluid", "lacrimal fluid"),
    *("saliva", "sweat", "urine"),
)
SPECIMEN = words(*(SPECIMEN_2_0.words - {"lacrimal fluid"}), "tears")

INTENSITY = words("light", "moderate", "vigorous")
MODALITY = words("sensed", "self-reported")
END_STATUS = words("abandoned", "completed", "missed")
SLEEP_STAGE = words("REM_sleep", "Light_sleep", "Deep_sleep", "Unknown_sleep", "Awake")
VOLUME_TYPE = words("inspiratory", "expiratory", "total")
POSITIONING = words("GPS", "GLONASS", "Galileo", "Beidou", "COMPASS", "IRNSS", "QZSS")
