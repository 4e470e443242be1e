"""Clinical rules, one a file: what deserves a clinician's attention, and on which evidence."""

from __future__ import annotations

from care.rules import (
    blood_pressure_crisis,
    fever,
    glucose_out_of_range,
    home_blood_pressure,
    low_glucose,
    oxygen_fall,
    oxygen_high,
    oxygen_low,
    oxygen_unusual,
    pulse_unusual,
    silence,
    weight_gain,
)
from care.rules.rule import Limit, Rule

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        silence.RULE,
        weight_gain.RULE,
        home_blood_pressure.RULE,
        blood_pressure_crisis.RULE,
        oxygen_low.RULE,
        oxygen_high.RULE,
        oxygen_fall.RULE,
        oxygen_unusual.RULE,
        pulse_unusual.RULE,
        fever.RULE,
        low_glucose.RULE,
        glucose_out_of_range.RULE,
    )
}
"""Every rule by its code; the registry test walks it."""

LIMITS: dict[str, Limit] = {limit.name: limit for rule in RULES.values() for limit in rule.limits}
"""Every limit that a plan may set, by its name."""
