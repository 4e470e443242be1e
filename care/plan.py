"""A patient's plan: what a clinician set and signed. Until somebody has, only silence alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from balise.errors import PlanUnsafe
from care.forms import within
from care.metrics.home_blood_pressure import PROTOCOLS
from care.pathways.pathway import Pathway
from care.rules import RULES
from care.rules.rule import Limit

LONGEST_DELAY = timedelta(days=28)
_HOUR = timedelta(hours=1)


class Away(StrEnum):
    """Why nothing is expected for a while."""

    HOSPITAL = "hospital"
    HOLIDAY = "holiday"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Pause:
    """From a local day to another, both included, in which nothing is expected."""

    start: date
    end: date

    def holds(self, today: date) -> bool:
        """Return whether the pause goes on."""
        return self.start <= today <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What differs from the pathway: limits of rules, how long each metric may be silent, protocol.

    `version` 0 is a plan that nobody signed.
    """

    version: int = 0
    limits: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    delays: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    protocol: str = ""

    @classmethod
    def of(cls, version: int, content: Mapping[str, Any] | None) -> Self:
        """Return a plan from what is stored; without content, the one that nobody signed."""
        if content is None:
            return cls()
        return cls(
            version=version,
            limits={name: Decimal(value) for name, value in content["limits"].items()},
            delays={name: hours * _HOUR for name, hours in content["delays"].items()},
            protocol=content["protocol"],
        )

    def content(self) -> dict[str, Any]:
        """Return what is stored of the plan; limits as text, which keeps their digits."""
        return {
            "limits": {name: str(value) for name, value in self.limits.items()},
            "delays": {name: delay // _HOUR for name, delay in self.delays.items()},
            "protocol": self.protocol,
        }

    def rules(self, pathway: Pathway) -> tuple[str, ...]:
        """Return the rules that judge: silence always, the pathway's own once it is signed."""
        return ("silence", *(pathway.rules if self.version else ()))

    def expected(self, pathway: Pathway) -> dict[str, timedelta]:
        """Return how long each expected metric may be silent."""
        return {one: self.delays.get(one, delay) for one, delay in pathway.expected.items()}


def drawn_limits(pathway: Pathway, plan: Plan) -> dict[str, dict[str, Decimal]]:
    """Return the limits that each metric's chart shows, by name: a signed plan's that are on."""
    drawn: dict[str, dict[str, Decimal]] = {}
    for limit in limits_of(pathway) if plan.version else ():
        value = plan.limits.get(limit.name, limit.value)
        if not value == limit.value == limit.highest:
            for metric in limit.drawn_on:
                drawn.setdefault(metric, {})[limit.name] = value
    return drawn


def limits_of(pathway: Pathway) -> tuple[Limit, ...]:
    """Return the limits that a plan of this pathway may set."""
    return tuple(limit for code in pathway.rules for limit in RULES[code].limits)


def written(pathway: Pathway, fields: Mapping[str, str]) -> Plan:
    """Return the plan of a form; what is as in the pathway is no difference and is left out.

    Raises PlanUnsafe for what is no number, or out of a limit's range.
    """
    limits = [(one, _limit(one, fields)) for one in limits_of(pathway)]
    delays = {one: _delay(one, delay, fields) for one, delay in pathway.expected.items()}
    protocol = fields.get("protocol", pathway.protocol)
    if protocol not in {*PROTOCOLS, pathway.protocol}:
        raise PlanUnsafe(field="protocol", said=protocol, lowest="", highest="")
    return Plan(
        limits={one.name: value for one, value in limits if value != one.value},
        delays={one: delay for one, delay in delays.items() if delay != pathway.expected[one]},
        protocol="" if protocol == pathway.protocol else protocol,
    )


def _limit(limit: Limit, fields: Mapping[str, str]) -> Decimal:
    field = f"limit.{limit.name}"
    said = fields.get(field, str(limit.value))
    return within(PlanUnsafe, field, said, limit.lowest, limit.highest, whole=limit.whole)


def _delay(metric: str, delay: timedelta, fields: Mapping[str, str]) -> timedelta:
    said = fields.get(f"delay.{metric}", str(delay // _HOUR))
    most = Decimal(LONGEST_DELAY // _HOUR)
    return int(within(PlanUnsafe, f"delay.{metric}", said, Decimal(1), most)) * _HOUR


def paused(pauses: Iterable[Pause], today: date) -> bool:
    """Return whether nothing is expected today."""
    return any(one.holds(today) for one in pauses)


def resumed_at(pauses: Iterable[Pause], today: date, time_zone: str) -> datetime | None:
    """Return the first moment after the last pause that is over."""
    ended = max((one.end for one in pauses if one.end < today), default=None)
    if ended is None:
        return None
    return datetime.combine(ended + timedelta(days=1), datetime.min.time(), ZoneInfo(time_zone))
