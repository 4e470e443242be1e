"""Every route of the box's page, asked with what nobody would ask: an answer, never a fault."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from balise.settings import Settings
from ingest.gateway.box import Box
from ingest.gateway.page.app import create_app
from ingest.gateway.page.house import house_of

FIXED = (
    "", "\0", "..", "../../etc/passwd", "%00", "{{7*7}}", "null", "NaN", "9" * 5000, "²", "٣",
    "\N{RIGHT-TO-LEFT OVERRIDE}x", "é" * 300, "<script>alert(1)</script>", "thermometer",
    "silvercrest-sbm69", "blood_pressure_monitor",
)  # fmt: skip
STRANGE = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda one: one.decode("latin-1")),
    st.sampled_from(FIXED),
)
ASKED = ("seen", "language", "code", "kind")
TOLD = ("model", "answer", "code", "consent", "slot", "user", "address")


@contextmanager
def site(folder: Path) -> Iterator[httpx.AsyncClient]:
    box = Box("home-1", folder / "devices.json", lambda _item: None)
    app = create_app(house_of(Settings(), folder, box))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    yield httpx.AsyncClient(transport=transport, base_url="http://box")


def routes() -> list[tuple[str, str]]:
    app = create_app.__globals__["_ROUTES"]
    return sorted(
        (method, one.path)
        for one in app
        if isinstance(one, Route)
        for method in (one.methods or set()) - {"HEAD"}
    )


@pytest.mark.parametrize("door", ["before the door", "inside"])
@pytest.mark.parametrize(("method", "path"), routes())
async def test_what_nobody_would_ask_gets_an_answer(
    method: str, path: str, door: str, tmp_path: Path
):
    with site(tmp_path) as visitor:
        async with visitor:
            if door == "inside":
                code = (tmp_path / "page-code").read_text().strip()
                await visitor.post("/code", data={"code": code})
            for name, value in product((*ASKED, *TOLD), FIXED):
                where = re.sub(r"\{\w+\}", quote(value, safe="") or "x", path)
                sent = {"data": {name: value}} if method == "POST" else {}
                query = {name: value} if name in ASKED else {}
                answer = await visitor.request(method, where, params=query, **sent)
                assert answer.status_code < 500, (where[:60], name, value[:20])


@pytest.mark.parametrize(("method", "path"), routes())
def test_nor_does_chance_find_a_fault(method: str, path: str, tmp_path: Path):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(ASKED) | STRANGE, STRANGE), st.binary(), STRANGE)
    def ask(query: dict[str, str], body: bytes, part: str) -> None:
        where = re.sub(r"\{\w+\}", quote(part, safe="") or "x", path)
        assert asyncio.run(answered(tmp_path, method, where, query, body)) < 500

    ask()


async def answered(
    folder: Path, method: str, where: str, query: dict[str, str], body: bytes
) -> int:
    with site(folder) as visitor:
        async with visitor:
            code = (folder / "page-code").read_text().strip()
            await visitor.post("/code", data={"code": code})
            form = {"content-type": "application/x-www-form-urlencoded"}
            sent = {"content": body, "headers": form} if method == "POST" else {}
            answer = await visitor.request(method, where, params=query, **sent)
            return answer.status_code
