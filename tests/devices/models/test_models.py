from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from balise.errors import UsageError
from devices.models import MODELS, find
from devices.models.model import Kind, Model, Pairing

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.key)

# What the case files call a model, and the key it stands for.
IN_CASES = {
    "Omron X4 Smart": "omron-x4-smart",
    "HEM-7530T": "omron-hem-7530t",
    "UA-651BLE": "and-ua-651ble",
    "SBM69": "silvercrest-sbm69",
    "Beurer BF600": "beurer-bf600",
    "Beurer BF720": "beurer-bf720",
    "Medisana BU570": "medisana-bu570",
    "Medisana BS410": "medisana-bs410",
    "keptenkurk/BS440": "medisana-bs440",
    "Accu-Chek": "accu-chek-guide",
    "CareSens": "caresens-dual",
    "weight scale (Xiaomi)": "xiaomi-mi-scale",
    "Xiaomi v2": "xiaomi-mi-body-composition-scale",
    "polarofficial/polar-ble-sdk issue #83": "polar-h10",
    "polarofficial/polar-ble-sdk issues #131, #135": "polar-oh1",
    "eigger/hass-omron issue #92": "omron-x2-plus-connect",
    "KristianP26/ble-scale-sync issue #83": "beurer-bf500",
}


def test_there_are_enough_of_them_and_no_key_twice():
    keys = [model.key for model in MODELS]
    assert len(keys) >= 22
    assert len(keys) == len(set(keys))


@every_model
def test_it_is_named_in_kebab_case_and_can_be_recognised(model: Model):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", model.key)
    assert model.names or model.numbers
    assert all((*model.names, *model.numbers, model.maker, model.name))


@every_model
def test_what_it_sends_is_a_service_and_a_characteristic(model: Model):
    assert model.sends
    for sent in model.sends:
        assert re.fullmatch(r"[0-9A-F]{4}/([0-9A-F]{4}|service_data)", sent), sent
    heard = {sent.endswith("/service_data") for sent in model.sends}
    assert heard == {model.pairing is Pairing.ADVERTISEMENT}


@every_model
def test_its_steps_are_the_same_in_both_languages(model: Model):
    fr, en = model.steps.fr, model.steps.en
    assert 3 <= len(fr) <= 6
    assert len(fr) == len(en)
    for french, english in zip(fr, en, strict=True):
        assert french.endswith(".")
        assert english.endswith(".")
        assert french != english
        assert max(len(french), len(english)) <= 120


@every_model
def test_its_steps_say_where_the_codes_are(model: Model):
    fr, en = " ".join(model.steps.fr), " ".join(model.steps.en)
    if model.pairing in {Pairing.PASSKEY_ON_DEVICE, Pairing.PASSKEY_ON_LABEL}:
        assert "6 chiffres" in fr
        assert "6 digits" in en
    if model.consent:
        assert "code à 4 chiffres" in fr
        assert "autre code que les 6 chiffres" in fr
        assert "another code than the 6 digits" in en


@every_model
def test_its_claims_have_sources(model: Model):
    assert model.sources
    assert all(source.strip() and "://" not in source for source in model.sources)


@every_model
def test_its_other_facts_agree(model: Model):
    assert model.slots >= 1
    assert model.ketone_meal is None or model.kind is Kind.GLUCOSE
    assert not model.consent or model.slots > 1
    assert model.clock_default is None or model.clock_default.tzinfo is None


@every_model
def test_no_name_is_shared_with_a_model_that_numbers_cannot_tell_apart(model: Model):
    for other in MODELS:
        if other is model:
            continue
        mine = {number.casefold() for number in model.numbers}
        theirs = {number.casefold() for number in other.numbers}
        assert not mine & theirs
        shared = {name.casefold() for name in model.names} & {
            name.casefold() for name in other.names
        }
        assert not shared or (mine and theirs), f"{model.key} and {other.key} share {shared}"


@every_model
def test_it_is_found_by_its_key_and_its_numbers(model: Model):
    assert find(model.key.upper()) is model
    for number in model.numbers:
        assert find(f" {number.lower()} ") is model


@pytest.mark.parametrize(
    ("advertised", "key"),
    [
        ("A&D_UA-651BLE_8DA42A", "and-ua-651ble"),
        ("meter+06647277", "accu-chek-guide"),
        ("Contour7830H6086398", "contour-next-one"),
        ("Nonin3230_501900083", "nonin-3230"),
        ("Polar H10 D7E96D26", "polar-h10"),
        ("polar sense 99AABBCC", "polar-verity-sense"),
        ("0203B F4B85EC73A7E", "medisana-bs410"),
        ("SBM69", "silvercrest-sbm69"),
        ("MI SCALE2", "xiaomi-mi-smart-scale-2"),
        ("X2 Smart+", "omron-x2-smart-plus"),
    ],
)
def test_an_advertised_name_finds_its_model(advertised: str, key: str):
    assert find(advertised).key == key


def test_a_name_that_several_models_share_is_refused_with_their_keys():
    with pytest.raises(UsageError, match=r"several models.*omron-x4-smart.*omron-evolv"):
        find("BLESmart_000000B5C424E8238F68")


def test_an_unknown_model_is_refused_with_the_nearest_keys():
    with pytest.raises(UsageError, match=r"near: .*beurer-bf720"):
        find("beurer-bf721")
    with pytest.raises(UsageError, match=r"near: polar-h10, polar-h9, polar-oh1"):
        find("polar")
    with pytest.raises(UsageError, match=r"near: omron-x4-smart"):
        find("")


@pytest.mark.shared
def test_the_models_of_the_case_files_are_there(shared: Path):
    document = json.loads((shared / "cases" / "ble.json").read_text(encoding="utf-8"))
    said = "\n".join(f"{case['device_class']} {case['source']}" for case in document["cases"])
    for words, key in IN_CASES.items():
        assert words in said, f"the case files no longer speak of {words}"
        assert find(key).key == key


@pytest.mark.shared
def test_every_model_number_of_the_case_files_is_known(shared: Path):
    document = json.loads((shared / "cases" / "ble.json").read_text(encoding="utf-8"))
    known = " ".join(
        f"{model.maker} {model.name} {' '.join(model.numbers)} {' '.join(model.names)}".replace(
            " ", ""
        )
        for model in MODELS
    )
    for case in document["cases"]:
        said = f"{case['device_class']} {case['source']}"
        for word in re.findall(r"\b(?:HEM-\d{4}T|UA-\d{3}BLE|S?B[FMSU]\d{2,3})\b", said):
            assert word in known, f"{case['id']}: {word}"
