"""The mosquitto of one home: certificates, rules, and a store that may be damaged."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from balise.authority import Authority
from balise.errors import StackUnavailable
from balise.stack.home import Home
from balise.stack.mqtt import let_in
from balise.stack.process import Service
from balise.stack.programs import Finder
from balise.stack.progress import Progress
from balise.stack.refusal import unavailable

TEMPLATES = Path(__file__).parents[2] / "ops" / "mosquitto"

# What mosquitto says to a store it can't read; it goes on after the last, flooding its log.
DAMAGE = ("Couldn't open database", "Unsupported chunk")

logger = logging.getLogger(__name__)


class Broker:
    """The MQTT broker of one home."""

    def __init__(
        self,
        home: Home,
        find: Finder,
        progress: Progress,
        *,
        names: Sequence[str] = (),
        listen: str = "127.0.0.1",
    ) -> None:
        self.service = Service(home, "broker")
        self.authority = Authority(home.root)
        self.port = 0
        self.boxes = 0
        self._names = names
        self._listen = listen
        self._home = home
        self._find = find
        self._progress = progress
        self._folder = home.root / "broker"
        self._store = self._folder / "mosquitto.db"

    @property
    def url(self) -> str:
        """The address of the broker for Balise's own services."""
        return f"mqtts://127.0.0.1:{self.port}"

    @property
    def boxes_url(self) -> str:
        """The address of the broker for gateways on this machine."""
        return f"mqtts://127.0.0.1:{self.boxes}"

    def start(self) -> None:
        """Start the broker, on the ports it had before, and wait until it lets us in."""
        self.service.stop()
        self._home.served("broker")
        self.port = self._home.port("broker", self.port)
        self.boxes = self._home.port("boxes", self.boxes)
        self._configure()
        with self._progress.step(f"Starting mosquitto on port {self.port}"):
            self._launch()

    def _launch(self) -> None:
        """Start it; once more and with nothing in it, if what it kept can't be read."""
        command = (str(self._find().mosquitto), "-c", str(self._folder / "mosquitto.conf"))
        env = self._find().environment() | {"OPENSSL_CONF": str(self._folder / "openssl.cnf")}
        self.service.launch(command, env, served=True)
        try:
            self.service.wait(lambda: self._is_damaged() or self._lets_us_in(), 60)
        except StackUnavailable:
            if not self._is_damaged():
                raise
        if self._is_damaged():
            self._set_store_aside()
            self._launch()

    def _lets_us_in(self) -> bool:
        return let_in(self.port, self.authority.file, self.authority.service)

    def _is_damaged(self) -> bool:
        said = self.service.first_words()
        return self._store.exists() and any(sign in said for sign in DAMAGE)

    def _set_store_aside(self) -> None:
        # Killed, since an orderly end would write over what may still be worth a look.
        self.service.kill()
        aside = self._store.with_name(f"{self._store.name}.damaged-{time.time_ns()}")
        self._store.rename(aside)
        text = (
            f"The broker's store is damaged and was set aside as {aside}: its queues and sessions "
            "are lost, and gateways will send again what they have no receipt for."
        )
        self.service.note(text)
        logger.error(text)

    def _configure(self) -> None:
        self._certify()
        words = {
            "@PORT@": str(self.port),
            "@BOXES@": f"{self.boxes} {self._listen}",
            "@DATA@": str(self._folder),
            "@ACL@": str(self._folder / "acl"),
            "@TLS@": str(self.authority.file.parent),
            "@KEY@": str(self._folder / "key.pem"),
        }
        text = _template("mosquitto.conf")
        for word, value in words.items():
            text = text.replace(word, value)
        self._home.give(self._folder / "mosquitto.conf", text)
        for name in ("acl", "openssl.cnf"):
            self._home.give(self._folder / name, _template(name))

    def _certify(self) -> None:
        """See that everybody has a certificate; what a home of passwords had for it goes."""
        self.authority.ensure(self._names)
        self._home.give(self._folder / "key.pem", self.authority.broker.key.read_text("ascii"))
        (self._folder / "passwords").unlink(missing_ok=True)
        self._home.forget_secrets("mqtt-")


def _template(name: str) -> str:
    path = TEMPLATES / name
    if not path.exists():
        raise unavailable(f"{path} is missing: the local stack runs from a checkout of Balise")
    return path.read_text(encoding="utf-8")
