"""Who a patient is: the traits, the French national identity (INS), and how sure one is of both.

Source: ANS, "Référentiel national d'identitovigilance" (RNIV 1): a status of four, of which
`retrieved` and `qualified` have an INS; qualified is one whose traits were compared with a paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from stdnum.fr import nir

from balise.errors import IdentityUnsafe

SEXES = ("unknown", "female", "male", "other")
STATUSES = ("provisional", "validated", "retrieved", "qualified")
KINDS = ("nir", "nia")
"""Of these three the first is what is meant where nothing is said."""
_WITH_INS = ("retrieved", "qualified")
_STRICT_SEXES = ("female", "male")
_EARLIEST = date(1900, 1, 1)
_LONGEST = 100
_PLACE = re.compile(r"(?!00)(?:[0-9]{2}|2[AB])[0-9]{3}")
_NUMBER = re.compile(r"[123478][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{8}")
_PHONE = re.compile(r"\+?[0-9]{6,15}")
_BETWEEN = re.compile(r"[\s./\u2010-\u2015-]|\((?!0\))|(?<!\(0)\)")
_UNDIALLED = re.compile(r"(?<=^\+[0-9])\(0\)|(?<=^\+[0-9]{2})\(0\)|(?<=^\+[0-9]{3})\(0\)")
"""The 0 that nobody dials behind another country's code."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The traits of a patient; `birth_place` is INSEE's code, `ins` has its key at the end."""

    family: str
    given: str
    birth_date: date | None = None
    sex: str = "unknown"
    birth_place: str = ""
    ins: str | None = None
    ins_kind: str | None = None
    status: str = "provisional"
    phone: str = ""

    def columns(self) -> dict[str, Any]:
        """Return what is stored."""
        return asdict(self)


def read(said: Mapping[str, str], today: date) -> Identity:
    """Return the identity that a form says; IdentityUnsafe with the field that is to be mended."""
    ins = _ins(said.get("ins", ""))
    found = Identity(
        family=_name(said, "family"),
        given=_name(said, "given"),
        birth_date=_birth_date(said.get("birth_date", ""), today),
        sex=_one_of(said, "sex", SEXES),
        birth_place=_place(said.get("birth_place", "")),
        ins=ins,
        ins_kind=_one_of(said, "ins_kind", KINDS) if ins else None,
        status=_one_of(said, "status", STATUSES),
        phone=_phone(said.get("phone", "")),
    )
    if (found.ins is not None) != (found.status in _WITH_INS):
        raise IdentityUnsafe("status")
    if found.status == "qualified" and not _strict(found):
        raise IdentityUnsafe("qualified")
    return found


def _strict(one: Identity) -> bool:
    """Say whether all traits are there that a qualified identity is compared by."""
    return bool(one.birth_date and one.birth_place and one.sex in _STRICT_SEXES)


def _name(said: Mapping[str, str], field: str) -> str:
    name = " ".join(said.get(field, "").split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise IdentityUnsafe(field)
    return name


def _birth_date(text: str, today: date) -> date | None:
    if not text.strip():
        return None
    try:
        # What fromisoformat takes beside it, such as weeks, nobody types for a birth date.
        day = date.fromisoformat(text.strip() if _DAY.fullmatch(text.strip()) else "")
    except ValueError as error:
        raise IdentityUnsafe("birth_date") from error
    if not _EARLIEST <= day <= today:
        raise IdentityUnsafe("birth_date")
    return day


def _place(text: str) -> str:
    code = text.strip().upper()
    if code and not _PLACE.fullmatch(code):
        raise IdentityUnsafe("birth_place")
    return code


def _phone(text: str) -> str:
    """Return a number as it is dialled; what people put between digits is nobody's to dial."""
    number = re.sub("^00", "+", _BETWEEN.sub("", text))
    number = _UNDIALLED.sub("", number).replace("(0)", "0")
    if number and not _PHONE.fullmatch(number):
        raise IdentityUnsafe("phone")
    return number


def _ins(text: str) -> str | None:
    """Return the number with its key; IdentityUnsafe where the key is not its own."""
    if not text.strip():
        return None
    number = nir.compact(text)
    if not _NUMBER.fullmatch(number) or not nir.is_valid(number):
        raise IdentityUnsafe("ins")
    return number


def _one_of(said: Mapping[str, str], field: str, known: tuple[str, ...]) -> str:
    word = said.get(field) or known[0]
    if word not in known:
        raise IdentityUnsafe(field)
    return word
