"""What a page sets on the boxes at a patient's home: sealed by the site, as `gateway set` does it.

A box that is away shows it once it is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import structlog

from balise.authority import Authority
from balise.errors import BaliseError, BrokerDown
from balise.remote import Value
from balise.settings import Settings
from ingest import send_settings
from ingest.mqtt import Broker

_log = structlog.get_logger(__name__)
_SECONDS = 5.0
_ONE_AT_A_TIME = Lock()
"""What is sealed last must be posted last: the broker keeps one message a box."""


def put(settings: Settings, boxes: Sequence[str], values: Mapping[str, Value]) -> int:
    """Set values on boxes that were let in here; return on how many it is.

    Raises BrokerDown where nobody can be told: the next box would wait as long for nothing.
    """
    return sum(_is_put(settings, name, values) for name in boxes)


def _is_put(settings: Settings, name: str, values: Mapping[str, Value]) -> bool:
    def change(held: dict[str, Value]) -> dict[str, Value]:
        return {**held, **values}

    try:
        site, broker = Authority(settings.home), Broker(settings)
        if not site.ledger.issued(name):
            return False
        with _ONE_AT_A_TIME:
            before = send_settings.last_said(broker, name, _SECONDS)
            _sent, payload = site.set(name, change, above=before.version)
            send_settings.post(broker, name, payload, _SECONDS)
    except BrokerDown:
        raise
    except BaliseError as error:
        _log.warning("box_not_told", error=type(error).__name__)
        return False
    return True
