"""A scale that is only listened to: repeats are one figure, steps on and off are none."""

from __future__ import annotations

import json

from ingest.gateway.adverts import Adverts, advertises
from ingest.gateway.devices import KnownDevice

SCALE = KnownDevice(address="C0:00:00:00:00:77", model="xiaomi-mi-body-composition-scale")
UUID = "0000181b-0000-1000-8000-00805f9b34fb"
# ioBroker.ble #148 while the person steps on; then the same with the stabilised bit.
UNSTABLE = bytes.fromhex("0204e30707031216330000f81b")
STABLE = bytes.fromhex("0224e30707031216330000f81b")


def test_only_a_stabilised_weight_is_kept_and_once():
    adverts = Adverts()
    heard = [UNSTABLE, STABLE, STABLE, UNSTABLE, STABLE]
    items = [item for data in heard for item in adverts.items(SCALE, {UUID: data})]
    assert [json.loads(item)["data"] for item in items] == [STABLE.hex()]


def test_other_service_data_is_nobodys():
    assert Adverts().items(SCALE, {UUID.replace("181b", "fe95"): STABLE, UUID: b""}) == []


def test_only_models_that_advertise_their_figures_are_not_connected_to():
    assert advertises(SCALE)
    assert not advertises(KnownDevice(address="AA", model="beurer-bm85"))
    assert not advertises(KnownDevice(address="AA"))
