"""Open mHealth and IEEE 1752.1: data points and data series, every schema of both by its version.

A header names the schema; its rule says whether the body holds and what it says. Figures of what
Balise measures become readings, everything else facts; a statistic (the maximum of a month) is
kept, marked as such and left out of every rollup.
"""

from __future__ import annotations

from devices.payloads.convention import Convention
from devices.payloads.open_mhealth.catalogue import SCHEMAS
from devices.payloads.open_mhealth.reader import read

CONVENTION = Convention(name="open_mhealth", title="Open mHealth / IEEE 1752.1", read=read)

__all__ = ["CONVENTION", "SCHEMAS"]
