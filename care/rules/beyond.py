"""What many rules are alike in: so many readings in a row beyond a limit, within a time.

A single reading may be a bad one: whoever measures is asked to repeat, and the second confirms. The
signal closes by itself with the first reading that is back within the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from operator import ge, gt, le, lt

import polars as pl

from balise.model import Quality
from care.readings import measured
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

Compare = Callable[[pl.Expr, Decimal], pl.Expr]
ABOVE: Compare = gt
BELOW: Compare = lt
AT_LEAST: Compare = ge
AT_MOST: Compare = le

DAYS = 7
"""A rule looks a week back: an older reading is no news."""
MOST, SHORTEST, LONGEST = Decimal(6), Decimal("0.1"), Decimal(96)
"""So many measurements in a row a plan may ask for at most, and within so many hours."""
_HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """So many measurements in a row are beyond a limit, `count` of them `within` a time.

    It holds until a measurement is back within the limit: one that is worse, or none, ends nothing.
    `limits` has one for each metric; of a measurement with several, one that is beyond is enough.
    How many, and within which time, a plan may say: French télésurveillance asks for it.
    `steps` is how much further each metric is news to whoever saw or closed it.
    """

    code: str
    limits: Mapping[str, Limit]
    compare: Compare
    count: int
    within: timedelta
    severity: Severity
    steps: Mapping[str, Decimal]
    besides: Quality = Quality.NONE

    def find(self, readings: pl.DataFrame, asked: Asked) -> Finding | None:
        """Find the unbroken run beyond the limit that ends with the last measurement."""
        kept = readings.filter(pl.col("metric").is_in(list(self.limits)) & measured(self.besides))
        moments = self._moments(kept, asked)
        run = _last_run(moments)
        if not self._confirmed(run["taken_at"], asked):
            return None
        return self._finding(kept, run, asked, open_ended=run.height == moments.height)

    @property
    def _count(self) -> Limit:
        value = Decimal(self.count)
        name = f"{self.code}_count"
        return Limit(name=name, value=value, unit="1", lowest=Decimal(1), highest=MOST, whole=True)

    @property
    def _hours(self) -> Limit:
        hours = Decimal(int(self.within.total_seconds())) / _HOUR
        name = f"{self.code}_hours"
        return Limit(name=name, value=hours, unit="h", lowest=SHORTEST, highest=LONGEST)

    def _confirmed(self, times: pl.Series, asked: Asked) -> bool:
        """Return whether any so many in a row are no further apart than that."""
        spans = times - times.shift(int(asked.limit(self._count)) - 1)
        seconds = int(asked.limit(self._hours) * _HOUR)
        return bool((spans <= timedelta(seconds=seconds)).any())

    def _moments(self, kept: pl.DataFrame, asked: Asked) -> pl.DataFrame:
        """Return each measurement in the order of time: is it beyond, and which value most."""
        of = [(pl.col("metric") == metric, asked.limit(one)) for metric, one in self.limits.items()]
        is_beyond = pl.any_horizontal(
            mine & self.compare(pl.col("value"), limit) for mine, limit in of
        )
        excess = pl.coalesce(
            pl.when(mine).then((pl.col("value") - limit) * self._sign) for mine, limit in of
        )
        return (
            kept.with_columns(beyond=is_beyond, excess=excess)
            .sort("taken_at", -pl.col("excess"), "metric")
            .group_by("taken_at", maintain_order=True)
            .first()
        )

    @property
    def _sign(self) -> int:
        return -1 if self.compare in {BELOW, AT_MOST} else 1

    def _finding(
        self, kept: pl.DataFrame, run: pl.DataFrame, asked: Asked, *, open_ended: bool
    ) -> Finding:
        last = run.row(-1, named=True)
        rests_on = kept.filter(pl.col("taken_at").is_in(run["taken_at"].implode()))
        return Finding(
            since=run["day"][0],
            period_start=run["taken_at"][0],
            period_end=last["taken_at"],
            severity=self.severity,
            grades=self._grades(rests_on.filter(pl.col("taken_at") == last["taken_at"])),
            open_ended=open_ended,
            figures={
                "metric": last["metric"],
                "value": shown(last["value"]),
                "limit": shown(asked.limit(self.limits[last["metric"]])),
                "n": run.height,
            },
            evidence=tuple(rests_on["key"]),
        )

    def _grades(self, measurement: pl.DataFrame) -> dict[str, Decimal]:
        """Return how far each metric went, in steps: as far at least as any plan's limit may be.

        Not as far as this plan's: what a clinician sets otherwise is no news of the patient.
        """
        values: list[tuple[str, Decimal]] = measurement.select("metric", "value").rows()
        return {
            metric: max(
                [
                    min(self._sign * limit.lowest, self._sign * limit.highest),
                    *(self._sign * value for name, value in values if name == metric),
                ]
            )
            / self.steps[metric]
            for metric, limit in self.limits.items()
        }

    def rule(self, *, version: int, source: str) -> Rule:
        """Return the rule that finds it."""
        return Rule(
            code=self.code,
            version=version,
            metrics=tuple(self.limits),
            days=DAYS,
            source=source,
            find=self.find,
            limits=(*self.limits.values(), self._count, self._hours),
        )


def _last_run(moments: pl.DataFrame) -> pl.DataFrame:
    """Return the unbroken run of measurements beyond that ends with the last one."""
    back_since = moments.with_row_index("place").filter(~pl.col("beyond"))["place"]
    return moments.slice(back_since[-1] + 1 if len(back_since) else 0)
