"""The gateway process: an agent in front of a spool, a publisher behind it."""

from __future__ import annotations

from balise.errors import UsageError
from balise.settings import Settings
from ingest.gateway import devices
from ingest.gateway.agent import serve
from ingest.gateway.box import Box
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker


async def run(settings: Settings) -> None:
    """Serve this home's devices until cancelled."""
    if not settings.gateway_name:
        raise UsageError("BALISE_GATEWAY_NAME is not set: which gateway is this?")
    folder = devices.folder(settings.home, settings.gateway_name)
    path = folder / "spool.db"
    spool = Spool(path)
    publisher = Publisher(Broker(settings), settings.gateway_name, path, settings.receipt_timeout)

    def put(item: bytes) -> None:
        spool.put(item)
        publisher.wake()

    box = Box(
        settings.gateway_name,
        folder / "devices.json",
        put,
        waiting=spool.depth,
        connected=lambda: publisher.connected,
    )
    publisher.start()
    try:
        await serve(settings.ble, box.agent, box.desk, box.take)
    finally:
        publisher.stop()
        spool.close()
