"""The bonds of a radio that has no BlueZ, in a file beside the spool that only its owner reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from bumble.keys import KeyStore, PairingKeys

from balise import unreadable
from balise.errors import RadioDown
from ingest.gateway import files

_Keys = dict[str, dict[str, Any]]


class KeyFile(KeyStore):
    """Keys by device, for one radio: a bond belongs to the adapter that made it."""

    def __init__(self, path: Path, adapter: str) -> None:
        self._path, self._adapter = path, adapter
        self._all = self._read()

    def _read(self) -> dict[str, _Keys]:
        if not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Keys])
        except unreadable.JSON as error:
            raise RadioDown(
                f"{self._path} is not readable: move it away, then pair each device again"
            ) from error

    @property
    def _keys(self) -> _Keys:
        return self._all.setdefault(self._adapter, {})

    def _write(self) -> None:
        files.write_json(self._path, self._all)

    async def get(self, _name: str) -> PairingKeys | None:
        """Return the keys of a device."""
        found = self._keys.get(_name)
        return None if found is None else PairingKeys.from_dict(found)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Return the keys of all devices."""
        return [(name, PairingKeys.from_dict(one)) for name, one in self._keys.items()]

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Keep the keys of a device, in place of older ones."""
        self._keys[name] = keys.to_dict()
        self._write()

    async def delete(self, name: str) -> None:
        """Forget the keys of a device."""
        if self._keys.pop(name, None) is not None:
            self._write()
