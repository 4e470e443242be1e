"""Clinical rules, one a file: what deserves a clinician's attention, and on which evidence."""

from __future__ import annotations

from care.rules import home_blood_pressure, oxygen_fall, silence, weight_gain
from care.rules.rule import Rule

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (silence.RULE, weight_gain.RULE, home_blood_pressure.RULE, oxygen_fall.RULE)
}
"""Every rule by its code; the registry test walks it."""
