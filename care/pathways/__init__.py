"""Care pathways, one a file."""

from __future__ import annotations

from care.pathways import (
    diabetes,
    heart_failure,
    hypertension,
    kidney_failure,
    observation,
    post_operative,
    respiratory_failure,
)
from care.pathways.pathway import Pathway

PATHWAYS: dict[str, Pathway] = {
    pathway.name: pathway
    for pathway in (
        diabetes.PATHWAY,
        heart_failure.PATHWAY,
        hypertension.PATHWAY,
        kidney_failure.PATHWAY,
        post_operative.PATHWAY,
        respiratory_failure.PATHWAY,
        observation.PATHWAY,
    )
}
"""Every pathway by its name; the registry test walks it."""
