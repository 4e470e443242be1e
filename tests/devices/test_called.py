"""What a device is called by, where a pathway or a site puts one before another."""

from __future__ import annotations

import pytest

from balise.errors import UsageError
from devices.called import called, checked
from devices.models import MODELS
from devices.payloads import CONVENTIONS


@pytest.mark.parametrize(
    ("address", "model", "words"),
    [
        ("C0:00:00:00:00:01", "", set()),
        ("C0:00:00:00:00:01", "activity_monitor", {"activity_monitor"}),
        ("import/p-one/apple_health", "", {"apple_health"}),
        ("import/p-one/open_mhealth", "activity_monitor", {"open_mhealth", "activity_monitor"}),
        ("import/p-one", "", set()),
    ],
)
def test_words(address: str, model: str, words: set[str]):
    assert called(address, model) == words


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.key)
def test_a_model_is_called_by_its_key_and_kind(model):
    assert called("C0:00:00:00:00:01", model.key) == {model.key, model.kind}
    assert checked(model.key.upper()) == model.key


def test_what_nothing_is_called_is_refused():
    assert checked("Activity_Monitor") == "activity_monitor"
    assert all(checked(name) == name for name in CONVENTIONS)
    with pytest.raises(UsageError, match="wrist-watch"):
        checked("wrist-watch")
