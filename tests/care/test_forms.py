"""A number in a form: one that rules and columns hold, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from balise.errors import PlanUnsafe
from care.forms import within

LOWEST, HIGHEST = Decimal("0.5"), Decimal(10)


@pytest.mark.parametrize(
    ("said", "value"), [("2", "2"), (" 2,5 ", "2.5"), ("2.000001", "2.000001"), ("5e-1", "0.5")]
)
def test_a_number_is_read_with_a_comma_or_a_point(said: str, value: str):
    assert within(PlanUnsafe, "limit", said, LOWEST, HIGHEST) == Decimal(value)


@pytest.mark.parametrize(
    "said",
    [
        *("", "NaN", "-Infinity", "1e999", "11", "0.4", "²", "٣", "1 2", "--2"),
        "9" * 400,
        f"2.{'0' * 40}1",
        "2." + "0" * 500,
        "2.0000001",
        "0.5e-99",
        "1e-999999",
    ],
)
def test_what_no_rule_can_use_is_refused_in_few_words(said: str):
    with pytest.raises(PlanUnsafe) as refused:
        within(PlanUnsafe, "limit", said, LOWEST, HIGHEST)
    assert len(refused.value.said) < 20
    assert refused.value.said.startswith(said[:12])
