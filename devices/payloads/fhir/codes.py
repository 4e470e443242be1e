"""The codes of what is measured, where and of what: LOINC and MDC, as data."""

from __future__ import annotations

from balise.metrics import METRICS
from devices.payloads.document import Json, children

LOINC, MDC = "http://loinc.org", "urn:iso:std:iso:11073:10101"
Code = tuple[str, str]

_MORE: dict[str, dict[str, tuple[str, ...]]] = {
    MDC: {
        "pulse_rate": ("149514", "149522", "149530", "149546"),
        "heart_rate": ("147842",),
        "blood_glucose": (
            *("160184", "160188", "160192", "160196", "160200", "160204", "160364", "160368"),
            *("160208", "160372", "160376", "160380"),
        ),
        "oxygen_saturation": ("150456", "150580", "150584", "150588"),
        "body_temperature": (
            *("150344", "150364", "150392", "188420", "188424", "188428", "188432"),
            *("188448", "188452", "188456"),
        ),
    },
    LOINC: {
        "heart_rate": ("8867-4", "40443-4"),
        "pulse_rate": ("8889-8",),
        "oxygen_saturation": ("2708-6", "59408-5"),
        "blood_glucose": ("2339-0", "2345-7", "41653-7", "15074-8", "32016-8"),
        "interstitial_glucose": ("99504-3",),
        "body_temperature": ("8310-5", "8331-1", "8332-9", "8328-7", "8333-7", "76011-6"),
        "body_weight": ("29463-7", "3141-9"),
        "body_height": ("8302-2", "3137-7"),
    },
}
"""Codes beside the one of each metric; a panel's own (85354-9, MDC 150020) holds no figure."""

METRIC_OF: dict[Code, str] = {
    **{(LOINC, one.loinc): one.name for one in reversed(METRICS.values()) if one.loinc},
    **{(MDC, str(one.mdc)): one.name for one in METRICS.values() if one.mdc},
    **{
        (system, code): metric
        for system, metrics in _MORE.items()
        for metric, codes in metrics.items()
        for code in codes
    },
}

CONTROL = frozenset((MDC, code) for code in ("160208", "160372", "160376", "160380"))
"""What a meter's control solution shows; it is nobody's blood."""

CLOCK = frozenset((MDC, code) for code in ("67975", "67983", "68072", "68225", "68226"))
"""A device's clock read beside the gateway's: absolute, relative, fine relative, base offset."""

CONTEXT_OF: dict[Code, tuple[tuple[str, str], ...]] = {
    **{
        (MDC, code): (("body_site", site),)
        for code, site in (
            ("150392", "tympanum"),
            ("188420", "rectum"),
            ("188424", "mouth"),
            ("188428", "ear"),
            ("188432", "finger"),
            ("188448", "toe"),
            ("188452", "armpit"),
            ("188456", "gastro-intestinal tract"),
        )
    },
    **{
        (LOINC, code): (("body_site", site),)
        for code, site in (
            ("8331-1", "mouth"),
            ("8332-9", "rectum"),
            ("8328-7", "armpit"),
            ("8333-7", "tympanum"),
            ("76011-6", "ear"),
        )
    },
    **{
        (MDC, code): (("specimen", specimen),)
        for code, specimen in (
            ("160184", "capillary whole blood"),
            ("160188", "capillary plasma"),
            ("160192", "venous whole blood"),
            ("160196", "venous plasma"),
            ("160200", "arterial whole blood"),
            ("160204", "arterial plasma"),
            ("160212", "interstitial fluid"),
            ("160364", "whole blood"),
            ("160368", "plasma"),
            *((code, "control solution") for code in ("160208", "160372", "160376", "160380")),
        )
    },
    **{
        (MDC, code): (("modality", modality),)
        for code, modality in (("150580", "fast"), ("150584", "slow"), ("150588", "spot"))
    },
}
"""What a code says beside which metric it is, or as the value of a supplemental type."""


def codes_of(concept: Json | None) -> list[Code]:
    """Return the codes of a concept, MDC's first: they say which instrument it was."""
    codings = children(concept or {}, "coding")
    found = [(str(coding.get("system")), str(coding.get("code"))) for coding in codings]
    return sorted(found, key=lambda code: code[0] != MDC)


def metric_of(concept: Json | None) -> str | None:
    """Return the metric a concept names, if it is one of Balise's."""
    return next((METRIC_OF[code] for code in codes_of(concept) if code in METRIC_OF), None)
