"""The page of a reading whose bytes retention has dropped."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from flows import retention

pytestmark = pytest.mark.stack
PASSWORD = "a long enough password"


def test_it_says_since_when_and_keeps_all_that_is_known(site: str, populated: str):
    with httpx.Client(base_url=site, follow_redirects=True) as nurse:
        nurse.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
        link = re.search(r'href="(/patients/p-martin/readings/[^"]+)"', nurse.get(_PATIENT).text)
        assert link
        assert "Octets de l&#39;appareil" in nurse.get(link[1]).text

        later = datetime(2028, 2, 3, 12, tzinfo=UTC)
        with psycopg.connect(populated, autocommit=True) as database:
            # What signals rest on would stay, and all of a patient's days came in one message.
            database.execute("UPDATE signal SET state = 'closed'")
            database.execute("UPDATE refused SET state = 'discarded'")
            assert retention.drop_old(database, later, months=13).messages > 0

        french = nurse.get(link[1])
        assert french.status_code == 200
        assert "supprimés le 3 févr. 2028" in french.text
        assert "import/p-martin" in french.text
        nurse.post("/language", data={"back": "/"})
        assert "dropped by retention on 3 Feb 2028" in nurse.get(link[1]).text

        with psycopg.connect(populated, autocommit=True) as database:
            database.execute("DELETE FROM landing_dropped")
        assert "retention did not drop them" in nurse.get(link[1]).text
        assert nurse.get(_PATIENT).status_code == 200


_PATIENT = "/patients/p-martin"
