"""BlueZ's pairing agent (org.bluez.Agent1), registered for as long as the gateway lives.

bleak registers none, and without one BlueZ refuses even bonds that need no code. A bonded device
may ask at each connection, so the agent is not a matter of pairing alone.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import BusType, DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from balise.errors import RadioDown
from ingest.gateway.pairing.desk import Desk, RefusalError

PATH = "/balise/agent"
CAPABILITY = "KeyboardDisplay"
_REJECTED, _CANCELED = "org.bluez.Error.Rejected", "org.bluez.Error.Canceled"


def address_of(device: str) -> str:
    """Return the address in a BlueZ object path: /org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF."""
    return device.rpartition("/dev_")[2].replace("_", ":")


def _rejected() -> DBusError:
    return DBusError(_REJECTED, "nobody at the gateway agrees to this bond")


# dbus-fast reads the annotations as D-Bus signatures: this module must not defer them.
class PairingAgent(ServiceInterface):
    """Answers BlueZ's questions from the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("org.bluez.Agent1")
        self._desk = desk

    @dbus_method()
    def Release(self) -> None:  # noqa: N802 - BlueZ's name
        """BlueZ lets the agent go: it has stopped, or another program took its place."""

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 - BlueZ's name
        """Return the six digits that the device shows."""
        try:
            return await self._desk.code(address_of(device))
        except RefusalError as error:
            raise _rejected() from error

    @dbus_method()
    async def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:  # noqa: N802 - BlueZ's name
        """Return where somebody sees the same digits on the device."""
        try:
            agreed = await self._desk.confirm(address_of(device), passkey)
        except RefusalError as error:
            raise _rejected() from error
        if not agreed:
            raise _rejected()

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:  # noqa: N802 - BlueZ's name
        """Return where a bond without a code is wanted just now."""
        if not self._desk.allows(address_of(device)):
            raise _rejected()

    @dbus_method()
    def AuthorizeService(self, device: DBusObjectPath, uuid: DBusStr) -> None:  # noqa: N802 - BlueZ's name
        """Return where the device is one of ours."""
        del uuid
        if not self._desk.allows(address_of(device)):
            raise _rejected()

    @dbus_method()
    def DisplayPasskey(  # noqa: N802 - BlueZ's name
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ) -> None:
        """Health devices have no keys to type on; nothing is shown."""
        del device, passkey, entered

    @dbus_method()
    def RequestPinCode(self, device: DBusObjectPath) -> DBusStr:  # noqa: N802 - BlueZ's name
        """Refuse the pairing of classic Bluetooth."""
        del device
        raise DBusError(_REJECTED, "classic Bluetooth is not used")

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802 - BlueZ's name
        """Take back a question: the device has given up."""
        self._desk.cancelled()


@asynccontextmanager
async def registered(desk: Desk) -> AsyncIterator[MessageBus]:
    """Register the agent as BlueZ's default one; RadioDown where no BlueZ answers."""
    try:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, DBusError) as error:
        raise RadioDown("no system D-Bus: is the dbus service running?") from error
    try:
        bus.export(PATH, PairingAgent(desk))
        try:
            introspection = await bus.introspect("org.bluez", "/org/bluez")
            manager = bus.get_proxy_object("org.bluez", "/org/bluez", introspection)
            interface = manager.get_interface("org.bluez.AgentManager1")
            # dbus-fast makes these two from the introspection, where no checker sees them.
            await interface.call_register_agent(PATH, CAPABILITY)  # type: ignore[attr-defined]
            await interface.call_request_default_agent(PATH)  # type: ignore[attr-defined]
        except DBusError as error:
            raise RadioDown("BlueZ does not answer: is bluetoothd running?") from error
        yield bus
    finally:
        bus.disconnect()
